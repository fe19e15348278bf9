"""The figures of a periodic report: what all its forms (HTML, PDF, JSON) say."""

from msgspec import Struct

from normalizer.events import Level
from pipeline.units import DAY

#: The most severe first.
LEVELS: tuple[Level, ...] = ("critical", "high", "medium", "low", "informational")
#: How long open cases have been open: each with the longest that it holds, nanoseconds.
AGES: tuple[tuple[str, int | None], ...] = (
    ("under 1 day", DAY),
    ("1 to 3 days", 3 * DAY),
    ("3 to 7 days", 7 * DAY),
    ("7 to 30 days", 30 * DAY),
    ("30 days and more", None),
)


class Change(Struct, frozen=True):
    """How many, and how many in the period before."""

    name: str
    now: int
    before: int


class RuleFigures(Struct, frozen=True, kw_only=True):
    """One rule."""

    id: str
    name: str
    typology: str
    level: Level
    now: int
    before: int
    staged: bool
    #: Of the period's alerts, those that no longer hold at its end.
    retracted: int


class RuleOutcomes(Struct, frozen=True, kw_only=True):
    """What became of the alerts of one rule, in cases that were closed in the period."""

    id: str
    name: str
    #: Alerts with a verdict: of closed cases, without duplicates and retracted ones.
    judged: int
    #: Of these, without a breach.
    without_breach: int
    #: Alerts by the reason code of their case, all codes.
    reasons: dict[str, int]

    @property
    def share(self) -> float | None:
        """Share of false positives; None where nothing was judged."""
        return self.without_breach / self.judged if self.judged else None


class CaseFigures(Struct, frozen=True, kw_only=True):
    """Cases. Times are nanoseconds."""

    opened: Change
    closed: Change
    reopened: int
    escalated: int
    #: At the period's end.
    open: Change
    open_by_level: list[Change]
    #: Open ones by age at the period's end, as `AGES`.
    ages: list[tuple[str, int]]
    oldest: int | None
    #: From opening to closing, of those closed in the period.
    median_to_close: int | None
    slowest_to_close: int | None
    #: Closed in the period, by reason code.
    resolutions: list[tuple[str, int]]
    #: Closed in the period and needing a second person, and how many had one.
    four_eyes: int
    four_eyes_kept: int
    outcomes: list[RuleOutcomes]


class RuleChange(Struct, frozen=True, kw_only=True):
    """Other rules came into force."""

    time: int
    rules: str
    who: str
    why: str
    added: list[str]
    changed: list[str]
    removed: list[str]


class Gap(Struct, frozen=True, kw_only=True):
    """Something of a feed was missing."""

    time: int
    provider: str
    instrument: str
    reason: str


class SourceFigures(Struct, frozen=True, kw_only=True):
    """What came from one source."""

    provider: str
    events: int
    before: int
    gaps: int
    #: Alerts that rest on a time in which its feed had a gap.
    unsure: int
    reorganisations: int
    #: Days of the period without any event, where there were events on others.
    silent_days: int


class Refusal(Struct, frozen=True, kw_only=True):
    """Transfers that a token refused, for one reason."""

    token: str
    reason: str
    now: int
    before: int


class Retraction(Struct, frozen=True, kw_only=True):
    """An alert that no longer holds, or holds again."""

    time: int
    rule: str
    status: str
    reason: str
    alert: str


class Figures(Struct, frozen=True, kw_only=True):
    """All of them."""

    kind: str
    name: str
    zone: str
    #: First and last day, ISO 8601.
    first: str
    last: str
    #: Where they are from.
    source: str
    #: Alerts that notify: those of staged rules are told apart.
    alerts: Change
    staged: Change
    by_level: list[Change]
    by_typology: list[Change]
    by_asset: list[Change]
    rules: list[RuleFigures]
    #: Alerts of each day, by level in the order of `LEVELS`.
    days: list[tuple[str, list[int]]]
    cases: CaseFigures | None
    rule_changes: list[RuleChange]
    sources: list[SourceFigures]
    gaps: list[Gap]
    #: Gaps that are not listed.
    more_gaps: int
    unsure: Change
    retractions: list[Retraction]
    breaches: list[RuleFigures]
    refusals: list[Refusal]
    sanctions: list[RuleFigures]
    #: Documents that could not be read: with their place and why.
    unreadable: list[str]
    #: What the source has nothing of, and what that leaves open.
    lacking: list[str]
