"""Which rules have a state, and when the state of one engine fits the rule of another."""

from collections.abc import Callable, Collection, Iterable
from functools import cache

import msgspec

from detections.books.order_book import OrderBook
from detections.books.order_books import BOOKS_HORIZON, BOOKS_VERSION
from detections.correlations.state import VERSION, WRITTEN
from detections.engine.correlator_state import layout
from detections.engine.rule_book import CorrelatorEntry
from detections.identity import fingerprint
from detections.rules.model import Rule
from detections.rules.rule_set import RuleSet

#: Of the newest event of a window, which may be as old as its first.
_SERIES = 2


#: What the order books are called where states are told apart. No rule has such an id.
BOOKS = "order-books"


#: The layout of those states of correlations that don't say theirs: they were saved when it had
#: always been this one.
_UNSAID = "4240227690253e0b"


class Identity(msgspec.Struct, frozen=True):
    """What the state of a rule depends on."""

    id: str
    title: str
    rules: str
    """Fingerprint of what shapes state in the rule, and in those that feed it."""
    code: str
    """Of how the state is written, and what it means."""
    horizon: int | None = None
    """How far back, in nanoseconds of event time, it reaches; None if unknown."""
    whole: str = ""
    """Fingerprint of all that these rules say: older versions saved it as `rules`."""
    unsaid: str = ""
    """What older versions saved as `code`, where that means the same."""


class Unfit(msgspec.Struct, frozen=True):
    """A rule whose state could not be taken over."""

    id: str
    title: str
    why: str
    horizon: int | None = None
    """How far back, in nanoseconds of event time, it reaches; None if unknown."""


def identities(
    ruleset: RuleSet, entries: Iterable[CorrelatorEntry], lateness: int
) -> dict[str, Identity]:
    """Every rule that has a state, by its id, in order. What waits makes it reach further back."""
    found: dict[str, Identity] = {}
    shaping, whole = state_fingerprints(ruleset), _fingerprints(ruleset, lambda rule: rule.hash)
    reaches: dict[str, int] = {}
    for one in ruleset.correlations:
        rule, correlation = one.rule, one.correlation
        reach = _SERIES * correlation.timespan
        reach += max((reaches.get(name, 0) for name in correlation.rules), default=0)
        reaches[rule.id] = reach
        found[rule.id] = Identity(
            rule.id,
            rule.title,
            shaping[rule.id],
            code_of_correlations(),
            reach + lateness,
            whole[rule.id],
            f"correlation {VERSION}" if layout_of_correlations() == _UNSAID else "",
        )
    for entry in entries:
        rule, correlator = entry.rule, entry.correlator
        code = f"{entry.name} {correlator.state_version} {layout(correlator.state_type)}"
        reach = correlator.horizon
        found[rule.id] = Identity(
            rule.id,
            rule.title,
            shaping[rule.id],
            code,
            None if reach is None else reach + lateness,
            whole[rule.id],
        )
    return found


@cache
def layout_of_correlations() -> str:
    """A hash of how what a correlation knows is written."""
    return fingerprint([layout(one) for one in WRITTEN])[:16]


def code_of_correlations() -> str:
    """What their states say of how they are written, and what they mean."""
    return f"correlation {VERSION} {layout_of_correlations()}"


def state_fingerprints(ruleset: RuleSet) -> dict[str, str]:
    """By the id of each rule that has a state: of what shapes that, in it and in what feeds it."""
    return _fingerprints(ruleset, lambda rule: rule.state_hash)


def _fingerprints(ruleset: RuleSet, hash_of: Callable[[Rule], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    feeding = {one.rule.id: hash_of(one.rule) for one in ruleset.sigma}
    for one in ruleset.correlations:
        below = sorted(f"{name}:{feeding.get(name, '')}" for name in one.correlation.rules)
        found[one.rule.id] = fingerprint([hash_of(one.rule), below])
        feeding[one.rule.id] = found[one.rule.id]
    for one in ruleset.correlators:
        found[one.rule.id] = fingerprint([hash_of(one.rule)])
    return found


def identity_of_books(lateness: int) -> Identity:
    """Of the order books: they depend on no rule."""
    code = f"books {BOOKS_VERSION} {layout(OrderBook)}"
    return Identity(BOOKS, "the order books", "", code, BOOKS_HORIZON + lateness)


def difference(before: Identity | None, after: Identity) -> str | None:
    """Why the state of the one doesn't fit the other; None if it does."""
    if before is None:
        return "the rule is new"
    if before.rules not in (after.rules, after.whole):
        return "what shapes the state has changed, in the rule or in one that feeds it"
    if before.code not in (after.code, after.unsaid):
        return "this version of the program keeps its state in another way"
    return None


def unfit(identity: Identity, why: str) -> Unfit:
    return Unfit(identity.id, identity.title, why, identity.horizon)


def only(ruleset: RuleSet, ids: Collection[str]) -> RuleSet:
    """These correlations and correlator rules, and what feeds them."""
    wanted = set(ids)
    for one in reversed(ruleset.correlations):
        if one.rule.id in wanted:
            wanted.update(one.correlation.rules)
    return RuleSet(
        sigma=tuple(one for one in ruleset.sigma if one.rule.id in wanted),
        correlators=tuple(one for one in ruleset.correlators if one.rule.id in wanted),
        correlations=tuple(one for one in ruleset.correlations if one.rule.id in wanted),
    )
