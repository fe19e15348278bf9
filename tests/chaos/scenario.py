"""What a scenario is: rounds of bad luck, each from a seed of its own, each compared."""

import random
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

from msgspec import Struct, field

from tests.chaos.outcome import Differences

ROUND_TIMEOUT = 240.0


class Unavailable(Exception):
    """A part that the scenario needs is not on this machine. The message says which."""


class Played(Struct, kw_only=True):
    """One round."""

    #: How often each kind of fault was injected.
    faults: Counter[str] = field(default_factory=Counter[str])
    #: Documents of the undisturbed run, with which the round was compared.
    events: int = 0
    alerts: int = 0
    differences: Differences = field(default_factory=Differences)
    #: Times that were taken, by what they are of.
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    #: The run did not come to its end, or something else went wrong.
    error: str = ""


class Scenario(ABC):
    """Use it as a context manager: servers and the undisturbed run live as long as it does.

    `play` is deterministic from `chance`, as far as an operating system lets processes be.
    """

    name: ClassVar[str]
    #: What is done, in words of the table.
    title: ClassVar[str]
    #: Whether alerts must be the same byte by byte, or only have the same ids.
    compared: ClassVar[str] = "ids and bytes"
    #: A second copy is within what is promised; it is counted all the same.
    may_double: ClassVar[bool] = False

    def __init__(self, folder: Path, *, passes: int) -> None:
        """`passes`: how long the recorded market is, see `tape`. `folder` keeps everything."""
        self.folder = folder
        self.passes = passes
        self.stack = ExitStack()

    def __enter__(self) -> "Scenario":
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.prepare()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    @abstractmethod
    def prepare(self) -> None:
        """Start what all rounds need. Raises Unavailable."""

    def versions(self) -> dict[str, str]:
        """Of servers that took part besides nats-server."""
        return {}

    @abstractmethod
    def play(self, folder: Path, chance: random.Random) -> Played:
        """One round in a folder of its own, which is there."""


__all__ = ["ROUND_TIMEOUT", "Played", "Scenario", "Unavailable"]
