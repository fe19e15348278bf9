"""A reload while Tapewatch runs: what is asked, what is answered, and which stages it concerns."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from pipeline.bus.connection import Bus
from pipeline.bus.streams import StreamNames
from pipeline.config.schema import Configuration

#: Stages that read a part of the configuration, by what people call the part.
_READERS: Mapping[str, Sequence[str]] = {
    "sources": ("collectors", "normalizer"),
    "reference": ("collectors", "normalizer"),
    "detections": ("detections",),
    "clusters": ("clusters",),
    "cases": ("cases",),
    "kibana": ("cases",),
    "audit": ("audit",),
    "sinks": ("delivery", "reports"),
    "reports": ("reports",),
    "notifications": ("delivery",),
    "privacy": ("collectors",),
    "dead_letters": (),  # the supervisor itself
    "logging": (
        "collectors",
        "normalizer",
        "detections",
        "clusters",
        "cases",
        "delivery",
        "reports",
        "audit",
    ),
}
_FIXED = {
    "bus": "the bus can't change while it runs",
    "observability": "the endpoint of metrics and health can't change while it is served",
    "detections.lanes": "another number of lanes would tear apart what the lanes know",
    "detections.shares": "another number of shares would tear apart what the lanes know",
    "detections.workers": "the number of processes is that of the start",
    "clusters.enabled": "whether clusters are found is that of the start",
    "cases.enabled": "whether cases are opened is that of the start",
    "reports.enabled": "whether reports are made is that of the start",
    "audit.enabled": "whether an audit log is kept is that of the start",
}
#: Stages that run where the configuration has a part of that name.
OPTIONAL_STAGES = ("clusters", "cases", "reports", "audit")
#: Of the detections: what a change of rules says in the stream, and no stage needs to be told.
_RULES = frozenset(("rules", "pipelines"))


def is_configured(stage: str, config: Configuration) -> bool:
    """Whether a stage runs."""
    return stage not in OPTIONAL_STAGES or getattr(config, stage) is not None


class ReloadRequest(Struct, frozen=True):
    """Who wants it, and why."""

    reason: str | None = None
    operator: str | None = None
    config: str | None = None
    """The file that is meant, its whole path; None for whichever it is."""


class RulesReloaded(Struct, frozen=True, kw_only=True):
    """Another rule set that is in force now."""

    rules: str
    """Its hash."""
    sequence: int = 0
    """The message of EVENTS that says so; 0 for the first."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Titles of rules."""
    kept: tuple[str, ...] = ()
    """Of the changed ones, those whose state goes on."""
    rebuilt: tuple[str, ...] = ()
    """Those whose state is rebuilt from EVENTS, since what shapes it is another."""
    first: bool = False
    """None was in force before."""


class StageRestarted(Struct, frozen=True):
    """A stage that was started again, and what of the configuration changed for it."""

    stage: str
    parts: tuple[str, ...]


class Reloaded(Struct, frozen=True, kw_only=True):
    """What became of it. With `refused`, nothing changed."""

    refused: str = ""
    """Everything that is wrong, for people to read."""
    rules: RulesReloaded | None = None
    restarted: tuple[StageRestarted, ...] = ()
    supervised: bool = True
    """False where no supervisor answered, so that only the rules could be reloaded."""
    own: tuple[str, ...] = ()
    """Parts of the configuration that changed, and that the supervisor itself reads."""


class Reloader(Protocol):
    """What a supervisor needs of those who know rules and reference data."""

    async def begin(self, bus: Bus, config: Configuration) -> None:
        """Before any stage starts: the stream says which rules are in force."""
        ...

    async def reload(
        self, bus: Bus, current: Configuration, request: ReloadRequest
    ) -> tuple[Configuration, Reloaded]:
        """The configuration from now on, and what changed. Stages aren't restarted yet."""
        ...


def reload_subject(names: StreamNames) -> str:
    """Where a supervisor listens for requests."""
    return names.bucket("RELOAD")


def changed_parts(before: Configuration, after: Configuration, *, reference: bool) -> list[str]:
    """Parts of the configuration that changed, but for the rules.

    `reference`: whether what stands in the reference data changed.
    """
    found = [
        name
        for name in ("bus", *_READERS, "observability")
        if name != "detections" and getattr(before, name) != getattr(after, name)
    ]
    if reference and "reference" not in found:
        found.append("reference")
    old, new = before.detections, after.detections
    names = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    found += [f"detections.{name}" for name in names if f"detections.{name}" in _FIXED]
    for name in OPTIONAL_STAGES:
        if (getattr(before, name) is None) != (getattr(after, name) is None):
            found.append(f"{name}.enabled")
    if any(name not in _RULES for name in names):
        found.append("detections")
    return found


def unchangeable(parts: Sequence[str]) -> list[str]:
    """Why parts can't change now, for each that can't."""
    return [f"{name}: {_FIXED[name]}" for name in parts if name in _FIXED]


def own(parts: Sequence[str]) -> tuple[str, ...]:
    """The parts that no stage reads, but the supervisor."""
    return tuple(name for name in parts if name in _READERS and not _READERS[name])


def concerned(parts: Sequence[str], config: Configuration) -> tuple[StageRestarted, ...]:
    """The stages that must read the configuration anew, in the order of the stream."""
    by_stage: dict[str, list[str]] = {}
    for name in parts:
        for stage in _READERS.get(name, ()):
            by_stage.setdefault(stage, []).append(name)
    return tuple(
        StageRestarted(stage, tuple(by_stage[stage]))
        for stage in _READERS["logging"]
        if stage in by_stage and is_configured(stage, config)
    )
