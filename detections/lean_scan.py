"""Lines of NDJSON against rules, read only as far as the rules need them.

Most lines match nothing, and all that is needed of them is to know that. A line that matches a rule
that alerts, or that a correlator wants to see, or that this reading can't take exactly, is read in
full and goes through the engine. A line that only feeds correlations is not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import msgspec

from detections.correlations.hits import Hit
from detections.engine.engine import Engine
from detections.engine.event_kinds import receipt_of, source_of
from detections.engine.event_time import tie_of
from detections.fields import ACTION, actions
from detections.reading import NotAnEvent, nanoseconds, record_defaults
from detections.sigma.conditions import fields, has_keywords
from detections.sigma.functions import Numbered, Program
from detections.sigma.index import build_program
from detections.sigma.keywords import KeywordSearch, needed_pieces, without_keywords
from detections.sigma.lean import TIMESTAMP, CannotBeLean, LeanEvents, LeanReader, path_reader
from detections.sigma.readers import Read
from normalizer.events import Alert
from normalizer.events.market import TradeBusted, TradeCorrected
from pipeline.remembered import Remembered

_BLOCK_NUMBER = "blockchain.block.number"
_EVENT_ID = "event.id"
#: The engine marks what is found over a gap; alerts may wait for finality; a change of rules has a
#: time of no source; a revised trade amends alerts.
_ALWAYS = frozenset(
    ("feed-gap", "chain-finality", "rules-changed", "trade-busted", "trade-corrected")
)
_INGESTED = "event.ingested"
_LOG_INDEX = "blockchain.log.index"
_MODULE = "event.module"
_PROVIDER = "event.provider"
_SEQUENCE = "event.sequence"
_MOST_ACTIONS = 10_000
#: Nanoseconds of a last digit, by how many digits a second has behind the point.
_UNITS = [10 ** (9 - digits) for digits in range(10)]
#: Rule numbers of a line that must be read in full.
_FULL: list[int] = []
_NONE: frozenset[int] = frozenset()
#: Bad UTF-8 is a ValueError.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


#: An alert, or what a venue says of a trade that alerts may rest on.
Found = Alert | TradeBusted | TradeCorrected


class Block(Protocol):
    """Whole lines, with the way of reading one in full."""

    data: bytes
    count: int
    """How many lines there are."""

    def line(self, number: int) -> bytes:
        """A line, by its number from 0."""
        ...

    def read_in_full(self, number: int) -> Iterable[Found] | None:
        """Run the engine on a line; None where it is no event, which is told."""
        ...


class LeanScan:
    """Takes batches of lines. Raises CannotBeLean for rules that need the whole of every event."""

    def __init__(self, engine: Engine) -> None:
        book = engine.book
        needs = engine.correlations.needs
        self._conditions, pieces = _lean_conditions(book.conditions)
        self._keywords = KeywordSearch(pieces) if pieces else None
        named = {name for _, node in self._conditions for name in fields(node)}
        if needs or engine.needs_time:
            named |= {_EVENT_ID, _PROVIDER, _MODULE, _INGESTED, _SEQUENCE}
            named |= {_BLOCK_NUMBER, _LOG_INDEX}
            named |= {name for names in needs.values() for name in names}
        self._events = LeanEvents(named)
        self._engine = engine
        self._rules = book.sigma
        self._wanted = book.seen_actions | _ALWAYS
        self._programs = _ByAction(self._program_of)
        read = {name: path_reader(path) for name, path in self._events.paths.items()}
        self._action, self._time = read[ACTION], read[TIMESTAMP]
        self._id = read.get(_EVENT_ID, _nothing)
        self._provider, self._module, self._ingested, self._sequence = (
            read.get(name, _nothing) for name in (_PROVIDER, _MODULE, _INGESTED, _SEQUENCE)
        )
        self._block_number = read.get(_BLOCK_NUMBER, _nothing)
        self._log_index = read.get(_LOG_INDEX, _nothing)
        self._needs = {
            number: [(name, read[name]) for name in needs[one.rule.id]]
            for number, one in enumerate(book.sigma)
            if one.silent and one.rule.id in needs and not has_keywords(book.conditions[number][1])
        }
        self._reads = _Reads(self._needs)
        self._seconds = Remembered(_second, 4_096)
        self._scan = self._write_scan()

    def take(self, block: Block) -> list[Found]:
        """What is found in a block, in the order of its lines."""
        alerts: list[Found] = []
        wanted = _NONE if self._keywords is None else self._keywords.lines(block.data)
        try:
            events = self._events.decode_lines(block.data)
        except _UNREADABLE:
            events = []
        if len(events) == block.count:
            self._scan(events, 0, block, alerts, wanted)
            return alerts
        for number in range(block.count):
            try:
                event = self._events.decode(block.line(number))
            except _UNREADABLE:
                # In full it is told what is wrong with it, if anything is.
                alerts += block.read_in_full(number) or ()
            else:
                self._scan([event], number, block, alerts, wanted)
        return alerts

    def _write_scan(self) -> Callable[[list[Any], int, Block, list[Found], AbstractSet[int]], None]:
        """The loop over the events of a batch, with the places of their fields written into it."""
        engine, paths = self._engine, self._events.paths
        keywords = """
        if number in wanted: found = FULL"""
        # Of two texts in the same form it is seen without reading them which is the later.
        plain = """not (
                    received.__class__ is str is text.__class__ and received >= text
                    and len(received) == len(text) > 10 and received[10] == text[10]
                    and received[-1] == "Z" == text[-1])"""
        reach = """
        text = e.{time}
        try: time = clock(text)
        except NotAnEvent: found = FULL
        else:
            if found is None:
                source = e.{provider}
                if source.__class__ is not str: source = source_of(source, e.{module})
                received = e.{ingested}
                if received is not None and {ahead}:
                    time = plausible(time, receipt_of(received))[1]
                if see(source, time): alerts += reach()"""
        source = """
def scan(events, number, block, alerts, wanted):
    number -= 1
    for e in events:
        number += 1
        try:
            run = programs[e.{action}]
            found = None if run is None else run(e)
        except Exception:
            found = FULL{keywords}{reach}
        if found is not None or e.{time} is None:
            take(number, e, found, block, alerts)
"""
        text = source.format(
            action=paths[ACTION],
            time=paths[TIMESTAMP],
            keywords="" if self._keywords is None else keywords,
            reach=reach.format(
                time=paths[TIMESTAMP],
                provider=paths[_PROVIDER],
                module=paths[_MODULE],
                ingested=paths[_INGESTED],
                ahead=plain,
            )
            if engine.needs_time
            else "",
        )
        names: dict[str, Any] = {
            "programs": self._programs,
            "FULL": _FULL,
            "NotAnEvent": NotAnEvent,
            "clock": self._clock,
            "source_of": source_of,
            "receipt_of": receipt_of,
            "plausible": engine.watermark.plausible,
            "see": engine.watermark.see,
            "reach": engine.reach,
            "take": self._take,
        }
        exec(compile(text, "<lean scan>", "exec"), names)  # noqa: S102
        return names["scan"]

    def _take(
        self,
        number: int,
        event: Any,
        found: list[int] | None,
        block: Block,
        alerts: list[Found],
    ) -> None:
        """A line that matches something, or that is odd."""
        event_id, needs = self._id(event), self._needs
        if not found or type(event_id) is not str or any(n not in needs for n in found):
            read = block.read_in_full(number)
            if read is None:
                self._refuse(event)
            else:
                alerts += read
            return
        if self._engine.seen.again(event_id):
            return
        time, line = self._clock(self._time(event)), block.line(number)
        numbers = tuple(sorted(found))
        action = self._action(event)
        defaults = record_defaults(action if isinstance(action, str) else "")
        values: dict[str, Any] = {}
        for name, read in self._reads[numbers]:
            value = read(event)
            if value is None:
                value = defaults.get(name)
            if value is not None:
                values[name] = value
        hits = tuple(
            [
                Hit(
                    rule=self._rules[number].rule.id,
                    id=event_id,
                    timestamp=time,
                    values=values,
                    evidence=line,
                    event=line,
                )
                for number in numbers
            ]
        )
        provider = self._provider(event)
        order = tie_of(
            provider,
            self._sequence(event),
            event_id,
            self._block_number(event),
            self._log_index(event),
        )
        source = source_of(provider, self._module(event))
        received = receipt_of(self._ingested(event))
        alerts += self._engine.take_hits(hits, order, source, received)

    def _refuse(self, event: Any) -> None:
        """Lines of this action are to be read in full, so that what is wrong with each is told: all
        of them, or where it is one of ours until one is an event."""
        action = self._action(event)
        if isinstance(action, str) and action not in actions():
            self._programs[action] = _in_full
        elif action is None or isinstance(action, str):
            self._programs.pop(action, None)

    def _program_of(self, action: Any) -> Program | None:
        if action in self._wanted:
            return _in_full
        defaults: Mapping[str, Any] = record_defaults(action) if isinstance(action, str) else {}
        return build_program(self._conditions, LeanReader(self._events.paths, action, defaults))

    def _clock(self, value: Any) -> int:
        """Nanoseconds since the epoch. Raises NotAnEvent."""
        if value.__class__ is str and value[19:20] == "." and value[-1:] == "Z":
            digits = value[20:-1]
            if digits.isdigit() and digits.isascii() and len(digits) <= 9:
                return self._seconds[value[:19]] + int(digits) * _UNITS[len(digits)]
        return nanoseconds(value)


def _in_full(event: Any) -> list[int]:
    return _FULL


def _lean_conditions(rules: Iterable[Numbered]) -> tuple[list[Numbered], list[str]]:
    """Conditions that need no keywords, and texts to search lines for instead.

    A line that matches such a condition may still not match the rule.
    """
    found: list[Numbered] = []
    pieces: list[str] = []
    for number, node in rules:
        if not has_keywords(node):
            found.append((number, node))
        elif (rest := without_keywords(node)) is not True:
            found.append((number, rest))
        elif (needed := needed_pieces(node)) is not None:
            pieces += needed
        else:
            raise CannotBeLean("a rule searches all fields for more than plain text")
    return found, pieces


def _nothing(event: Any) -> Any:
    return None


class _ByAction(dict[Any, Program | None]):
    """Programs by `event.action`. The first line of each is read in full: it may be wrong, and it
    is told then what was met."""

    def __init__(self, program_of: Callable[[Any], Program | None]) -> None:
        super().__init__()
        self._program_of = program_of

    def __missing__(self, action: Any) -> Program | None:
        if len(self) >= _MOST_ACTIONS:
            return _in_full
        self[action] = self._program_of(action)
        return _in_full


class _Reads(dict[tuple[int, ...], list[tuple[str, Read]]]):
    """What correlations need of an event that matches these rules, each field once."""

    def __init__(self, needs: Mapping[int, Sequence[tuple[str, Read]]]) -> None:
        super().__init__()
        self._needs = needs

    def __missing__(self, numbers: tuple[int, ...]) -> list[tuple[str, Read]]:
        found = list(dict(pair for number in numbers for pair in self._needs[number]).items())
        if len(self) < _MOST_ACTIONS:
            self[numbers] = found
        return found


def _second(text: str) -> int:
    """Nanoseconds of a text such as 2026-01-01T00:00:00."""
    return nanoseconds(f"{text}Z")
