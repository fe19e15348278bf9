"""What rounds of bad luck and measurements came to, as ``docs/reliability.json`` keeps it."""

from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct, field

PUBLISHED = Path(__file__).parent.parent / "reliability.json"


class Result(Struct, kw_only=True, omit_defaults=True):
    """All rounds of one scenario in one run of the command."""

    scenario: str
    title: str
    #: What of the alerts was compared.
    compared: str
    seed: int
    #: Day, in UTC.
    date: str
    versions: dict[str, str]
    #: Rounds that were played, and those of them that did not come out as promised.
    rounds: int = 0
    failed: list[int] = field(default_factory=list[int])
    faults: dict[str, int] = field(default_factory=dict[str, int])
    #: Events and alerts that the sinks of all rounds together had to hold.
    events: int = 0
    alerts: int = 0
    lost: int = 0
    doubled: int = 0
    changed: int = 0
    #: A second copy is within what is promised.
    may_double: bool = False
    seconds: float = 0.0
    #: The longest of each time that was taken (s).
    longest: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def injected(self) -> int:
        """Faults of all kinds."""
        return sum(self.faults.values())

    def add_faults(self, faults: Counter[str]) -> None:
        """Those of one more round."""
        self.faults = dict(sorted((Counter(self.faults) + faults).items()))


class Measured(Struct, kw_only=True):
    """A number that was measured, such as the pace of catching up."""

    name: str
    title: str
    #: In words, with the unit.
    value: str
    #: What was done to measure it, with the size of the sample.
    sample: str
    date: str
    versions: dict[str, str]


class Published(Struct, kw_only=True):
    """``docs/reliability.json``: the newest result of each scenario, the newest measurements."""

    scenarios: list[Result] = field(default_factory=list[Result])
    measured: list[Measured] = field(default_factory=list[Measured])


def read_published(path: Path = PUBLISHED) -> Published:
    """What was published; nothing where the file is not there."""
    if not path.exists():
        return Published()
    return msgspec.json.decode(path.read_bytes(), type=Published)


def publish(new: Published, path: Path = PUBLISHED) -> None:
    """Put new results in the place of older ones of the same name."""
    old = read_published(path)
    scenarios = {r.scenario: r for r in (*old.scenarios, *new.scenarios)}
    measured = {m.name: m for m in (*old.measured, *new.measured)}
    write_results(Published(scenarios=[*scenarios.values()], measured=[*measured.values()]), path)


def write_results(results: Published, path: Path) -> None:
    """As indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
