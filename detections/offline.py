"""Detections over NDJSON, without a bus: what `tapewatch detect` does."""

from collections.abc import Callable, Iterable, Iterator
from io import BufferedIOBase
from itertools import islice

from detections.alerting.given_alerts import GivenAlerts
from detections.engine.engine import Engine
from detections.lean_scan import Found, LeanScan
from detections.met_events import MetEvents
from detections.reading import LONGEST_LINE, NotAnEvent, odd_time, own_record, read_event
from detections.rules.loading import RuleSet
from detections.sigma.lean import CannotBeLean
from normalizer.events import Alert, AlertUpdate, Record
from normalizer.events.market import TradeBusted, TradeCorrected
from pipeline.problems import Location, Problem, Severity

#: Codes of what is reported.
RULE_FAILED = "detect/rule-failed"
BAD_LINE = "detect/bad-line"
ODD_TIME = "detect/odd-time"

_BLOCK = 1 << 17
_LINES = 2_000

Report = Callable[[Problem], None]


def detect(
    rules: RuleSet | Engine,
    lines: Iterable[bytes],
    *,
    name: str = "<events>",
    report: Report,
    met: MetEvents | None = None,
) -> Iterator[Alert | AlertUpdate]:
    """The alerts of nested or dotted ECS events, one JSON object per line, in their order; behind
    each bust or correction of a trade what it amends of them, as a lane would.

    Our own events become records and meet all rules; any other document meets the Sigma rules, with
    a warning where a correlator would look at it but can't, since it isn't such a record. A line
    that is no event goes to `report`, with `name`, line and column, and so does a rule that failed
    on an event; nothing stops the others. The end of the lines is the end of the events. `met`
    comes to know what kinds of events they are.

    `lines` may be a binary stream, which is read in blocks: alerts come after each.
    """
    engine = rules if isinstance(rules, Engine) else Engine(rules)
    reading = _Reading(engine, name, report, MetEvents() if met is None else met)
    blocks = _blocks(lines) if isinstance(lines, BufferedIOBase) else _joined(lines)
    given = GivenAlerts()
    for block in blocks:
        yield from _amended(given, reading.take(block))
    yield from _amended(given, reading.finish())


def _amended(given: GivenAlerts, found: Iterable[Found]) -> Iterator[Alert | AlertUpdate]:
    for one in found:
        if isinstance(one, Alert):
            yield from given.give(0, (one,))
        else:
            yield from given.revise(one)


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    remaining = iter(lines)
    while some := list(islice(remaining, _LINES)):
        yield b"".join(line if line.endswith(b"\n") else line + b"\n" for line in some)


def _blocks(stream: BufferedIOBase) -> Iterator[bytes]:
    """Whole lines, as soon as they are there; the last one may lack its end."""
    rest = b""
    while data := stream.read1(_BLOCK):
        end = data.rfind(b"\n") + 1
        if end:
            yield rest + data[:end]
            rest = data[end:]
        else:
            rest += data
        if len(rest) > LONGEST_LINE:
            # What is kept is enough to say that it is too long; what follows is not needed.
            yield rest + b"\n"
            rest = _after_line(stream)
    if rest:
        yield rest


def _after_line(stream: BufferedIOBase) -> bytes:
    while data := stream.read1(_BLOCK):
        _, end, rest = data.partition(b"\n")
        if end:
            return rest
    return b""


class _Reading:
    """Lines that are read one block after the other."""

    def __init__(self, engine: Engine, name: str, report: Report, met: MetEvents) -> None:
        self.engine = engine
        self.name = name
        self.report = report
        self.met = met
        self._before = 0
        try:
            self._lean = LeanScan(engine)
        except CannotBeLean:
            self._lean = None

    def take(self, data: bytes) -> list[Found]:
        block = _Block(self, data, self._before)
        if not self._before and (why := odd_time(block.line(0))):  # then mostly all of them are so
            where = Location(self.name, 1, 1)
            self.report(Problem(location=where, code=ODD_TIME, message=why, severity="warning"))
        self._before += block.count
        if self._lean is not None:
            found = self._lean.take(block)
        else:
            read = (block.read_in_full(number) for number in range(block.count))
            found = [one for some in read for one in some or ()]
        return found

    def finish(self) -> Iterable[Found]:
        alerts = self.engine.finish()
        self.tell_failures(0)
        return alerts

    def tell_failures(self, line: int) -> None:
        for problem in self.engine.take_problems():
            where = Location(self.name, line, 1)
            self.report(Problem(location=where, code=RULE_FAILED, message=problem))


class _Block:
    """Whole lines, of which one is taken out only where it is asked for."""

    def __init__(self, reading: _Reading, data: bytes, before: int) -> None:
        self.data = data
        self.count = data.count(b"\n") + (not data.endswith(b"\n"))
        self._reading = reading
        self._before = before
        #: The line that was asked for last, and where it begins.
        self._number = self._start = 0

    def line(self, number: int) -> bytes:
        # Few lines are asked for, mostly one after the other: to copy them all would cost more.
        if number < self._number:
            self._number = self._start = 0
        find, start = self.data.find, self._start
        for _ in range(number - self._number):
            start = find(b"\n", start) + 1
        self._number, self._start = number, start
        end = find(b"\n", start)
        return self.data[start:] if end < 0 else self.data[start:end]

    def read_in_full(self, number: int) -> list[Found] | None:
        line = self.line(number).strip()
        if not line:
            return []
        place, reading = self._before + number + 1, self._reading
        if len(line) <= LONGEST_LINE and (record := own_record(line)) is not None:
            reading.met.take_record(record)
            return self._taken(place, record, reading.engine.process((record,)))
        try:
            read = read_event(line)
        except NotAnEvent as error:
            reading.report(_problem(reading.name, place, error, "error"))
            return None
        reading.met.take(read)
        if read.doubt is not None and reading.engine.wants(read):
            reading.report(_problem(reading.name, place, read.doubt, "warning"))
        return self._taken(place, read.record, reading.engine.process_read(read))

    def _taken(self, place: int, record: Record | None, alerts: Iterable[Alert]) -> list[Found]:
        found: list[Found] = [*alerts]
        self._reading.tell_failures(place)
        if isinstance(record, TradeBusted | TradeCorrected):
            found.append(record)
        return found


def _problem(name: str, line: int, error: NotAnEvent, severity: Severity) -> Problem:
    return Problem(
        location=Location(name, line, error.column),
        code=BAD_LINE if severity == "error" else "detect/not-our-record",
        message=f"{error.path}: {error}" if error.path else str(error),
        severity=severity,
        path=error.path,
        advice=None if severity == "error" else "correlators can't see this event",
    )
