"""A rule as the engine takes it."""

import msgspec

from detections.rules.reason import Reason
from normalizer.events import Level
from pipeline.problems import Location


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What every rule has, of either kind."""

    id: str
    """A UUID, lower case."""
    title: str
    level: Level
    typology: str
    version: str
    """`modified`, else `date`."""
    hash: str
    """SHA-256 of the rule's content: of what is in it, not of how it is written."""
    location: Location
    status: str = "experimental"
    description: str | None = None
    authors: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class SigmaRule(msgspec.Struct, frozen=True, kw_only=True):
    """A Sigma rule: a condition over the fields of one event."""

    rule: Rule
    conditions: tuple[object, ...]
    """pySigma's condition trees, postprocessed; one that matches is enough."""
    reason: Reason | None = None


class CorrelatorRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that runs a correlator with parameters."""

    rule: Rule
    correlator: str
    parameters: msgspec.Struct
