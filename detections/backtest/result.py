"""What a backtest tells: plain records, the same for the same input, for JSON, pages and terminals.

Times are RFC 3339 texts; nothing in here is of the wall clock.
"""

from msgspec import Struct, field

from normalizer.events import Level


class Score(Struct, frozen=True, kw_only=True):
    """Alerts held against labels."""

    right: int
    """Alerts that belong to a true label."""
    wrong: int
    """Alerts that belong to false labels only; in a closed world all that belong to no true one."""
    unlabelled: int
    """Alerts that nobody has said anything of."""
    expected: int
    """True labels."""
    found: int
    """True labels that some alert belongs to."""
    precision: float | None
    """`right` of those that are right or wrong; None where there is none."""
    recall: float | None
    """`found` of `expected`; None where nothing is expected."""
    f1: float | None
    """Harmonic mean of the two."""


class Example(Struct, frozen=True, kw_only=True):
    """An alert, in short."""

    time: str
    level: Level
    reason: str
    entities: tuple[str, ...]
    events: tuple[str, ...]
    """Events that it rests on; the newest, where there are many."""
    right: bool | None = None
    """What a label says of it."""
    amended: str | None = None
    """What became of trades that it rests on."""


class Count(Struct, frozen=True):
    """A name and how often."""

    name: str
    count: int


class Bucket(Struct, frozen=True):
    """A part of the time and how often."""

    time: str
    """Its beginning."""
    count: int


class Events(Struct, frozen=True, kw_only=True):
    """What was read."""

    read: int
    """Lines that are events, of the wanted time."""
    dead: int
    """Lines that are no events."""
    outside: int
    """Events outside the wanted time."""
    duplicates: int
    """Events that came again, and counted once."""
    late: int
    """Events that came later than allowed, and were taken all the same."""
    allowed_lateness: str
    """Such as `10m`; with `0s` every event that is older than one before it is late."""
    first: str | None
    last: str | None
    seconds: float
    """Between the two."""
    bucket: str
    """What a bucket is: a second, minute, hour or day."""
    by_bucket: tuple[Bucket, ...]
    """Without those that have none; so everywhere."""
    days: float | None
    """Days with events, for rates; None for less than a day, which tells nothing of others."""


class RuleOutcome(Struct, frozen=True, kw_only=True):
    """What a rule would have alerted."""

    id: str
    title: str
    file: str
    typology: str
    level: Level
    staged: bool
    silent: bool
    """It only feeds correlations."""
    blind: str | None
    """Why it could say nothing of these events, as of a tape of trades where it is about orders."""
    alerts: int
    per_day: float | None
    late: int
    """Alerts that came of late events."""
    amended: int
    """Alerts that rest on trades which a venue took back or corrected."""
    first: str | None
    last: str | None
    by_bucket: tuple[Bucket, ...]
    entities: tuple[Count, ...]
    """Who they are about most often."""
    different_entities: int
    examples: tuple[Example, ...]
    """The first few."""
    score: Score | None = None


class TypologyScore(Struct, frozen=True):
    """The score of all rules and labels of a typology."""

    typology: str
    score: Score


class LabelText(Struct, frozen=True, kw_only=True):
    """A label, in short."""

    place: str
    """File, line and column."""
    right: bool
    about: str
    """Its rule or typology, id and note."""


class LabelOutcome(Struct, frozen=True, kw_only=True):
    """All alerts held against all labels."""

    closed_world: bool
    score: Score
    by_typology: tuple[TypologyScore, ...]
    missed: tuple[LabelText, ...]
    """True labels without an alert."""
    unmentioned: int
    """How many of them name nothing that any event has."""
    elsewhen: int
    """How many of them end before the first event, or begin after the last."""
    fallen_for: tuple[LabelText, ...]
    """False labels with one."""
    left_out: tuple[LabelText, ...]
    """Labels of rules or typologies that no rule here has."""


class Change(Struct, frozen=True, kw_only=True):
    """An alert that both rule sets give, though not the same."""

    before: Example
    after: Example
    fields: tuple[str, ...]
    """What differs."""


class RuleDifference(Struct, frozen=True, kw_only=True):
    """What becomes of a rule's alerts."""

    id: str
    title: str
    kind: str
    """`changed`, `new` or `removed`: the rule itself."""
    before: int
    after: int
    same: int
    changed: int
    new: int
    gone: int
    changed_examples: tuple[Change, ...] = ()
    new_examples: tuple[Example, ...] = ()
    gone_examples: tuple[Example, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """The rules against a second set of rules: what would change with the second."""

    before: int
    after: int
    same: int
    changed: int
    new: int
    gone: int
    unchanged_rules: int
    rules: tuple[RuleDifference, ...]
    """Rules that aren't the same in both."""
    score_before: Score | None = None
    score_after: Score | None = None
    """Both against the labels that are about either set."""


class SweptParameter(Struct, frozen=True, kw_only=True):
    """A parameter that was varied."""

    rule: str
    title: str
    path: str
    current: str | None
    """None: the default holds."""


class SweepPoint(Struct, frozen=True, kw_only=True):
    """One combination of values. Counts are of the swept rules, and of correlations over them."""

    values: tuple[str, ...]
    current: bool
    """Whether it is what the rules say now."""
    alerts: int
    per_day: float | None
    score: Score | None = None
    overall: Score | None = None
    """Of all rules together."""


class SweepOutcome(Struct, frozen=True, kw_only=True):
    """All combinations."""

    parameters: tuple[SweptParameter, ...]
    rules: tuple[str, ...]
    """Titles of the rules that are counted."""
    points: tuple[SweepPoint, ...]


class ExceptionOutcome(Struct, frozen=True, kw_only=True):
    """An exception, and the alerts that it held back."""

    id: str
    place: str
    owner: str
    reason: str
    expires: str
    alerts: int
    expired: bool
    """By the newest event's time."""


class Backtest(Struct, frozen=True, kw_only=True):
    """All of it."""

    source: str
    events: Events
    alerts: int
    per_day: float | None
    by_bucket: tuple[Bucket, ...]
    rules: tuple[RuleOutcome, ...]
    """Those with the most alerts first."""
    entities: tuple[Count, ...]
    exceptions: tuple[ExceptionOutcome, ...] = ()
    labels: LabelOutcome | None = None
    comparison: Comparison | None = None
    sweep: SweepOutcome | None = None
    rule_failures: int = 0
    """Times that a rule failed on an event."""
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """The first lines that are no events, and rules that failed."""
