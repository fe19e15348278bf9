"""Documents of rule files at first sight: what each one is, and what it is called.

Rules refer to each other across files and forwards, so all are known by id and name before any of
them is read.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from detections.rules.document import (
    Reading,
    RuleDocument,
    content_hash,
    derived_id,
    state_hash,
)
from detections.rules.files import is_test_file
from detections.rules.model import CorrelationRule, CorrelatorRule, SigmaRule
from detections.rules.stray_keys import without_strays
from pipeline.problems import Problem, did_you_mean, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

if TYPE_CHECKING:
    import sigma.rule
    from sigma.correlations import SigmaCorrelationRule

Kind = Literal["sigma", "correlation", "correlator", "filter"]
#: In this order: a document with several of these keys is what comes first.
_KINDS: dict[str, Kind] = {
    "correlation": "correlation",
    "filter": "filter",
    "correlator": "correlator",
    "detection": "sigma",
}
#: What people put behind a name to say what the file holds, where we have an ending for it.
_KIND_IN_NAME = re.compile(r"[-_](test|list|exception)s?$")
#: Keys of files that are none of rules, and where those are named.
_OTHER_FILES = (
    (frozenset(("bus", "sinks")), "this is a configuration, which is named by --config"),
    (frozenset(("labels",)), "labels are named by --labels"),
    (
        frozenset(("tokens", "investors", "addresses", "sanctions", "venues")),
        "this is reference data, which `reference` in the configuration names",
    ),
)
_OLD_ACTIONS = ("global", "reset", "repeat")
_EXPECTED = (
    "a Sigma rule (with detection), a correlation, a filter, or a correlator rule "
    "(with correlator and parameters)"
)


class Draft:
    """A rule on its way from a document to the engine."""

    def __init__(self, node: MappingNode, kind: Kind) -> None:
        self.node = node
        self.kind: Kind = kind
        self.reading = Reading(node, foreign=False)
        self.digest = content_hash(node)
        """Of the document's content, and of what is applied to it: filters, lists, pipelines."""
        self._state_digest = state_hash(node)
        self._asked_for_all = False
        self.name = _text(node.get("name"))
        # Correlations know by its id what feeds them, which other words don't change. Two rules may
        # differ in their words alone, but not if they have a name.
        own = self._state_digest if self.name else self.digest
        self.id = (_text(node.get("id")) or derived_id(own)).lower()
        self.bases: list[tuple[Node, Draft]] = []
        """For a correlation: the rules that it refers to, and where it does."""
        self.feeds: list[Draft] = []
        """The correlations that refer to it."""
        self.in_circle = False
        """It refers to itself in a circle, which is reported at one place of that."""
        self.may_feed = False
        """A mistake may be why no correlation in its file refers to it."""
        self.beside_correlation = False
        """A correlation stands in its file."""
        self.actions: frozenset[str] | None = None
        """`event.action` of the records that it can match; None where that isn't known."""
        self.sigma: sigma.rule.SigmaRule | SigmaCorrelationRule | None = None
        """pySigma's rule, where pipelines were applied."""
        self.rule: SigmaRule | CorrelationRule | CorrelatorRule | None = None
        """None as long as it isn't read, and where it can't be used."""

    @property
    def state_digest(self) -> str:
        """The same of what shapes its state: without what only alerts say."""
        return self.digest if self._asked_for_all else self._state_digest

    def apply(self, digests: Iterable[str]) -> None:
        """Note that what has these hashes is applied to it: it is another rule then."""
        applied = list(digests)
        self.digest = _with(self.digest, applied)
        self._state_digest = _with(self._state_digest, applied)

    def apply_filters(self, filters: "Sequence[Draft]") -> None:
        """Note the filters that are applied to it. What they are called shapes no state either."""
        self.digest = _with(self.digest, [one.digest for one in filters])
        self._state_digest = _with(self._state_digest, [one.state_digest for one in filters])

    def ask_for_all(self) -> None:
        """Note that pipelines have seen it. Their conditions may ask for any of its keys, such as
        its level or tags, so that each of them may shape what it matches."""
        self._asked_for_all = True

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or _text(self.node.get("title")) or self.id

    @property
    def generates(self) -> bool:
        """Whether a correlation lets the rules that it refers to alert for themselves."""
        inner = self.node.get("correlation")
        values = [self.node.get("generate")]
        if isinstance(inner, MappingNode):
            values.append(inner.get("generate"))
        return any(isinstance(v, ScalarNode) and v.text.lower() == "true" for v in values)

    @property
    def silent(self) -> bool:
        """Whether it only feeds correlations, none of which lets it alert for itself."""
        return bool(self.feeds) and not any(one.generates for one in self.feeds)

    @property
    def is_part(self) -> bool:
        """Whether it is silent, and stands in a file with a correlation that refers to it."""
        if self.may_feed:
            return True
        here = self.node.source.name
        return self.silent and any(one.node.source.name == here for one in self.feeds)


def draft(node: Node, problems: list[Problem]) -> Draft | None:
    """The document's draft; None if it is no rule of any kind, which is reported."""
    if not isinstance(node, MappingNode):
        several = isinstance(node, SequenceNode)
        advice = (
            'a rule begins without a dash; between two stands a line "---"' if several else None
        )
        problem = node.problem(
            "rule/not-a-rule", "this isn't a rule", expected=_EXPECTED, advice=advice
        )
        problems.append(problem)
        return None
    node = without_strays(node, problems)
    present = {key.text for key, _ in node.pairs}
    action = node.get("action")
    if isinstance(action, ScalarNode) and action.text in _OLD_ACTIONS:
        message = f"action: {action.text} belonged to an old form of Sigma"
        advice = "write each rule out in a document of its own"
        problems.append(action.problem("rule/action", message, advice=advice))
        return None
    for key, kind in _KINDS.items():
        if key in present:
            return Draft(node, kind)
    elsewhere = _kept_elsewhere(node, present)
    where, hint = (node, None) if elsewhere else _misspelt(node)
    problems.append(
        where.problem(
            "rule/not-a-rule",
            "there is neither a detection nor a correlation, a filter or a correlator",
            expected=_EXPECTED,
            hint=hint,
            advice=elsewhere,
        )
    )
    if hint is None:
        return None
    # All that is wrong is said at once, also of what it refers to.
    pairs = [(replace(key, text=hint) if key is where else key, one) for key, one in node.pairs]
    return Draft(replace(node, pairs=pairs), _KINDS[hint])


def _misspelt(node: MappingNode) -> tuple[Node, str | None]:
    """The key that was probably meant to say what the document is, and how it is written."""
    for key, _ in node.pairs:
        known = key.text in RuleDocument.__struct_fields__
        if not known and (hint := did_you_mean(key.text, _KINDS)):
            return key, hint
    return node, None


def _kept_elsewhere(node: Node, present: set[str]) -> str | None:
    name = PurePath(node.source.name)
    if is_test_file(name):
        return "run the tests in it with: tapewatch rules test"
    for key, suffix in (("exceptions", "exceptions"), ("lists", "lists"), ("tests", "test")):
        if key in present:
            stem = _KIND_IN_NAME.sub("", name.stem.split(".")[0])
            return f"a file of {key} is called {stem}.{suffix}.yml"
    return next((advice for keys, advice in _OTHER_FILES if keys & present), None)


def _name_of(rule: Draft) -> tuple[str | None, str | None]:
    """What a rule can be called by; where it has nothing, what to do about that."""
    if rule.name or rule.node.get("id") is not None:
        return rule.name or rule.id, None
    title = shown(_text(rule.node.get("title")) or "")
    return None, f"the rule {title} has no name: give it one, such as name: a_b"


class Names:
    """All rules by id and by name."""

    def __init__(
        self, drafts: Iterable[Draft], problems: list[Problem], *, complete: bool = True
    ) -> None:
        self._complete = complete
        self._ids: dict[str, Draft] = {}
        self._names: dict[str, Draft] = {}
        self._titles: dict[str, Draft] = {}
        for one in drafts:
            self._add_id(one, problems)
            self._add_name(one, problems)
            title = _text(one.node.get("title"))
            if title:
                self._titles.setdefault(title, one)

    def find(self, text: str) -> Draft | None:
        """The rule with this id or name."""
        return self._names.get(text) or self._ids.get(text.lower())

    def missing(self, node: Node, text: str, code: str = "rule/no-such-rule") -> Problem:
        """The problem that there is no rule of this id or name."""
        titled = self._titles.get(text)
        if titled is not None:
            hint, advice = _name_of(titled)
            message = f"a rule is called by name or id, not by title: {shown(text)}"
            return node.problem(code, message, hint=hint, advice=advice)
        given = [one.id for one in self._ids.values() if one.node.get("id") is not None]
        hint, advice = did_you_mean(text, [*self._names, *given]), None
        if hint is None and (by_title := did_you_mean(text, self._titles)) is not None:
            hint, advice = _name_of(self._titles[by_title])
        if hint is None and advice is None:
            advice = "if it stands in another folder, that must be named as well"
        if not self._complete:
            advice = "it may be in one of the files that can't be read"
        message = f"there is no rule with the id or name {shown(text)}"
        return node.problem(code, message, hint=hint, advice=advice)

    def _add_id(self, one: Draft, problems: list[Problem]) -> None:
        first = self._ids.setdefault(one.id, one)
        if first is one:
            return
        given = one.node.get("id")
        problems.append(
            (given or one.node).problem(
                "rule/duplicate-id",
                "another rule has the same id" if given else "another rule is the same as this",
                related=((first.node.get("id") or first.node).location,),
                advice="make a new one with: uuidgen" if given else "remove one of the two",
            )
        )

    def _add_name(self, one: Draft, problems: list[Problem]) -> None:
        if not one.name:
            return
        first = self._names.setdefault(one.name, one)
        if first is not one:
            one.may_feed = True
            problems.append(
                (one.node.get("name") or one.node).problem(
                    "rule/duplicate-name",
                    f"another rule has the name {shown(one.name)}",
                    related=((first.node.get("name") or first.node).location,),
                    advice="a name is what correlations call a rule by: it must be its own",
                )
            )


def _with(digest: str, applied: Sequence[str]) -> str:
    if not applied:
        return digest
    return hashlib.sha256("\n".join([digest, *applied]).encode()).hexdigest()


def _text(node: Node | None) -> str:
    return node.text.strip() if isinstance(node, ScalarNode) else ""
