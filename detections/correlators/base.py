"""What a correlator is, and the register of them."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

import msgspec

import detections.correlators
from detections.findings import Finding


class Correlator(ABC):
    """A detection with state, moved on by events and by their time alone.

    One instance belongs to one rule. State is bounded, and kept in plain Structs, dicts and lists.
    Event time drives everything: the wall clock is never read.
    """

    parameters_type: ClassVar[type[msgspec.Struct]]
    """What a rule can set: a Struct with units, ranges and defaults."""
    typology: ClassVar[str]
    """The kind of abuse that it looks for."""
    actions: frozenset[str]
    """The `event.action` of the records that it wants to see. May depend on the parameters."""

    def __init__(self, parameters: Any) -> None:
        self.parameters = parameters

    @abstractmethod
    def observe(self, event: Any) -> Iterable[Finding]:
        """Take one event, in the order of the stream; say what it completes."""


_registered: dict[str, type[Correlator]] = {}


def correlator(name: str) -> Callable[[type[Correlator]], type[Correlator]]:
    """Register a class as what rules call `correlator: NAME`."""

    def register(found: type[Correlator]) -> type[Correlator]:
        if _registered.setdefault(name, found) is not found:
            raise ValueError(f"two correlators are called {name}")
        return found

    return register


@cache
def correlators() -> Mapping[str, type[Correlator]]:
    """All correlators by name: every module in this package is loaded."""
    for module in pkgutil.iter_modules(detections.correlators.__path__):
        importlib.import_module(f"detections.correlators.{module.name}")
    return dict(sorted(_registered.items()))
