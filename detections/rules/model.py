"""Rules as the engine takes them."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from detections.engine.finality import Finality
from detections.rules.calibration import Calibration
from detections.rules.reason import Reason
from normalizer.events import Level
from pipeline.problems import Location

CorrelationType = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
    "absence",
]
Operator = Literal["gt", "gte", "lt", "lte", "eq", "neq"]
PartitionBy = Literal["asset", "market"]
"""What a detection must see together: all of one asset, or all that there is."""
#: Rules of an order with a boolean condition, which is tried for every choice of them.
MOST_ORDERED = 10


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What every rule has, of any kind."""

    id: str
    """A UUID, lower case."""
    title: str
    level: Level
    typology: str
    version: str
    """`modified`, else `date`."""
    hash: str
    """SHA-256 of the rule's content: of what is in it, not of how it is written."""
    state_hash: str
    """SHA-256 of what of its content shapes its state: without what only alerts say."""
    location: Location
    name: str | None = None
    """What correlations may call it, besides its id."""
    status: str = "experimental"
    staged: bool = False
    """It runs and alerts, but its alerts are marked and notify nobody."""
    calibration: Calibration | None = None
    """How often its alerts were right, which their confidence is held to."""
    finality: Finality = "latest"
    """Its alerts wait until the newest block that they rest on is that final."""
    description: str | None = None
    authors: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    note: str | None = None
    """What the analyst who gets the alert should look at."""
    partition_by: PartitionBy | None = None
    """What it must see together, where the file says so; else see `detections.lanes.routing`."""


class SigmaRule(msgspec.Struct, frozen=True, kw_only=True):
    """A Sigma rule: a condition over the fields of one event."""

    rule: Rule
    conditions: tuple[object, ...]
    """pySigma's condition trees, postprocessed; one that matches is enough."""
    reason: Reason | None = None
    silent: bool = False
    """It only feeds correlations (which have no `generate: true`) and alerts nobody by itself."""
    foreign: bool = False
    """It is for log sources of others, whose events are no records of ours."""


class Comparison(msgspec.Struct, frozen=True):
    """What a correlation's count or value is compared with. Integers and floats are exact."""

    operator: Operator
    number: int | float


class Reference(msgspec.Struct, frozen=True, tag=True):
    """In a boolean temporal condition: the rule (by id) has an event within the window."""

    rule: str


class Junction(msgspec.Struct, frozen=True, tag=True):
    """In a boolean temporal condition: `and` or `or` of two or more parts."""

    operator: Literal["and", "or"]
    parts: "tuple[Expression, ...]"


class Negation(msgspec.Struct, frozen=True, tag=True):
    """In a boolean temporal condition: `not`."""

    part: "Expression"


Expression = Reference | Junction | Negation


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """The `correlation` part of a Sigma correlation rule (specification 2.1.0), with rules by id.

    `absence` is an extension of ours: with two rules, the second does not follow the first within
    the timespan; with one, nothing follows its last event.
    """

    type: CorrelationType
    rules: tuple[str, ...]
    """Ids of Sigma or correlation rules, in the order of the file."""
    timespan: int
    """Nanoseconds."""
    group_by: tuple[str, ...] = ()
    """Fields, or names in `aliases`."""
    aliases: Mapping[str, Mapping[str, str]] = {}
    """Alias to rule id to field. A rule that an alias doesn't name has no value for it."""
    comparisons: tuple[Comparison, ...] = ()
    """All must hold. For temporal types, of the number of different rules; empty: of all rules."""
    fields: tuple[str, ...] = ()
    """The condition's `field`: of value_count one or more (counted together), else one or none."""
    percentile: float | None = None
    """0 to 100; only for value_percentile."""
    expression: Expression | None = None
    """A boolean temporal condition, instead of comparisons."""


class CorrelationRule(msgspec.Struct, frozen=True, kw_only=True):
    """A Sigma correlation: a condition over the matches of other rules within a time span."""

    rule: Rule
    correlation: Correlation
    reason: Reason | None = None
    silent: bool = False
    """It only feeds other correlations."""


class CorrelatorRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that runs a correlator with parameters."""

    rule: Rule
    correlator: str
    parameters: msgspec.Struct


class ExceptionRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who or what a rule leaves alone: with an owner, a reason and an end."""

    id: str
    """Its own, or made of its content; names it in counts and reports."""
    rules: tuple[str, ...]
    """Ids of the rules that it is for."""
    entities: frozenset[str] = frozenset()
    """It covers alerts about one of these (lower case); empty covers any."""
    conditions: tuple[object, ...] = ()
    """pySigma's trees: it covers alerts whose completing event matches; empty covers any."""
    owner: str
    reason: str
    expires: int
    """Nanoseconds since the epoch, exclusive: it covers events before this, by event time."""
    location: Location
