"""The stage `cases` on the bus: alerts to cases, and cases that are too old to those who must know.

It knows all cases, as the stream CASES tells them, and follows what others do to them. Where
somebody is faster than it, it looks at the case again and judges anew. After a crash it reads
ALERTS again from where it was; an alert that is in a case already does nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec
import structlog
from msgspec import Struct, field, structs

from evidence.cases.actions import MOST_ALERTS, About, Wish
from evidence.cases.escalation import due
from evidence.cases.grouping import (
    CaseIndex,
    Ignored,
    Known,
    Opens,
    Suppressed,
    asset_of,
    authors_of,
    place,
)
from evidence.cases.kibana_sync import KibanaSync
from evidence.cases.people import People
from evidence.cases.persons import among
from evidence.cases.rule_authors import RuleAuthors
from evidence.cases.state import ActionRefused, Case
from evidence.cases.store import CaseChanged, CaseStore, StoredCase, take
from normalizer.events import SEVERITY, Alert, AlertStatus, AlertUpdate, CaseActivity
from normalizer.events.case import CaseAction
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage
from pipeline.bus.positions import Position
from pipeline.bus.reader_names import CASES
from pipeline.bus.status_board import ReaderState
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.cases import Cases, CaseSuppression
from pipeline.config.kibana import Kibana
from pipeline.failure import Failure
from pipeline.source_state import now as wall_clock
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: Who does what the stage does.
WHO = "tapewatch"
_MANY = 64
_WAIT = 1.0
#: How often alerts are judged anew since somebody was faster.
_MOST_ATTEMPTS = 50

_told = msgspec.json.Decoder(Alert | AlertUpdate)


class _Group(Struct):
    """Alerts of one rule that go into one case at once."""

    case_id: str
    about: About | None
    window: CaseSuppression | None
    alerts: list[Alert] = field(default_factory=list[Alert])


class CaseStage:
    """Makes cases on a bus. One process at a time may run it."""

    def __init__(
        self,
        bus: Bus,
        settings: Cases,
        *,
        kibana: Kibana | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._bus = bus
        self._settings = settings
        self._kibana = kibana
        self._clock = clock
        self._people = People.of(settings)
        self._store = CaseStore(bus)
        self._index = CaseIndex()
        #: By alert, the case that it is in.
        self._in_case: dict[str, str] = {}
        #: Held while what is known of cases is changed.
        self._lock = asyncio.Lock()
        self._created = 0
        self._sync: KibanaSync | None = None
        self._authors: RuleAuthors
        self.cases: dict[str, StoredCase] = {}
        self.state = ReaderState(CASES, Stream.ALERTS.value, 0, 0)

    async def run(self) -> None:
        """Work until cancelled."""
        self._authors = await RuleAuthors.open(self._bus)
        last = 0
        async for message in self._store.messages():
            self._saw(message)
            last = message.sequence
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(last))
            group.create_task(self._take_alerts())
            group.create_task(self._look_at_ages())
            if self._kibana is not None and self._settings.kibana is not None:
                group.create_task(self._keep_in_kibana(self._kibana))

    # -- what others do -----------------------------------------------------------------------

    async def _follow(self, after: int) -> None:
        reader = self._bus.reader(Stream.CASES, after=after)
        try:
            while True:
                messages = await reader.batch(_MANY, wait=_WAIT)
                async with self._lock:
                    for message in messages:
                        self._saw(message)
                raise_if_cancelled()
        finally:
            await reader.close()

    def _saw(self, message: StreamMessage) -> None:
        activity = take(self.cases, message)
        if activity is not None:
            self._know(activity)

    def _know(self, activity: CaseActivity) -> None:
        stored = self.cases[activity.case_id]
        if stored.case is not None:
            self._index.put(stored.case)
            there = [one for one in activity.alerts if one in stored.case.alerts]
            self._note_alerts(stored.case, there)

    def _note_alerts(self, case: Case, alerts: Iterable[str]) -> None:
        """They are in this case; one of a suppression window may be worked on in another one."""
        for alert in alerts:
            if case.status != "suppressed":
                self._in_case[alert] = case.id
            else:
                self._in_case.setdefault(alert, case.id)

    # -- alerts -------------------------------------------------------------------------------

    async def _take_alerts(self) -> None:
        info = await self._bus.info(Stream.ALERTS)
        saved = (await self._bus.positions.load(CASES)).within(info, CASES)
        self._created = saved.stream
        self.state.position, self.state.last = saved.sequence, info.state.last_seq
        reader = self._bus.reader(Stream.ALERTS, after=saved.sequence, created=saved.stream)
        try:
            while True:
                try:
                    messages = await reader.batch(_MANY, wait=_WAIT)
                except MessagesExpired as expired:
                    log.error("alerts were gone before they came into cases", reason=str(expired))
                    self.state.trouble = str(expired)
                    continue
                if messages:
                    async with self._lock:
                        await self._authors.read()
                        await self._take(messages)
                    self.state.position = messages[-1].sequence
                    position = Position(stream=self._created, sequence=self.state.position)
                    await self._bus.positions.save(CASES, position)
                self.state.last = await self._bus.last_sequence(Stream.ALERTS)
                raise_if_cancelled()
        finally:
            await reader.close()

    async def _take(self, messages: Sequence[StreamMessage]) -> None:
        waiting: list[Alert] = []
        for message in messages:
            for line in message.data.split(b"\n"):
                try:
                    told = _told.decode(line)
                except msgspec.MsgspecError as error:
                    log.error("an alert can't be read", place=message.sequence, error=str(error))
                    continue
                if isinstance(told, Alert):
                    waiting.append(told)
                else:
                    await self._put(waiting)
                    waiting.clear()
                    await self._update(told)
        await self._put(waiting)

    async def _put(self, alerts: Sequence[Alert]) -> None:
        """Put alerts into their cases: those of one case and rule by one activity."""
        waiting, attempts = list(alerts), 0
        while waiting:
            attempts += 1
            if attempts > _MOST_ATTEMPTS:
                raise Failure("cases change faster than alerts can be put into them")
            groups = self._grouped(waiting)
            waiting.clear()
            for group in groups:
                if not await self._write(group):
                    waiting += group.alerts  # somebody was faster: they are judged anew

    def _grouped(self, alerts: Sequence[Alert]) -> list[_Group]:
        groups: dict[tuple[str, str], list[_Group]] = {}
        ordered: list[_Group] = []
        seen: set[str] = set()
        now = self._clock()
        for alert in alerts:
            if alert.id in self._in_case or alert.id in seen:
                continue
            found = place(alert, self._index, self._settings, now)
            if isinstance(found, Ignored):
                continue
            seen.add(alert.id)
            opens = isinstance(found, Opens)
            if opens:
                self._index.know(_beginning(found, alert))
            if (known := self._index.get(found.case_id)) is not None:
                known.join(alert)
            mine = groups.setdefault((found.case_id, alert.rule_id), [])
            if not mine or len(mine[-1].alerts) >= MOST_ALERTS:
                held = isinstance(found, Suppressed)
                group = _Group(
                    case_id=found.case_id,
                    about=found.about if opens or held else None,
                    window=found.window if held else None,
                )
                mine.append(group)
                ordered.append(group)
            mine[-1].alerts.append(alert)
        return ordered

    async def _write(self, group: _Group) -> bool:
        """Whether it was written; if not, what is known of the case is what it is now."""
        stored = self.cases.get(group.case_id, StoredCase(None))
        wish = self._wish(group, stored.case)
        try:
            if stored.case is not None:
                activity, after = await self._store.do(stored, wish)
            elif group.about is not None:
                activity, after = await self._store.begin(
                    group.case_id, group.about, wish, behind=stored.sequence
                )
            else:
                raise CaseChanged(group.case_id)
        except (CaseChanged, ActionRefused):
            await self._look_again(group.case_id)
            return False
        self.cases[group.case_id] = after
        self._know(activity)
        return True

    async def _look_again(self, case: str) -> None:
        self.cases[case] = found = await self._store.load(case)
        if found.case is None:
            self._index.forget(case)  # it was about to be opened, and was not
        else:
            self._index.put(found.case)
            self._note_alerts(found.case, found.case.alerts)

    def _wish(self, group: _Group, case: Case | None) -> Wish:
        alerts = group.alerts
        first = alerts[0]
        level = max(alerts, key=lambda one: SEVERITY[one.level]).level
        least = self._settings.four_eyes_from
        authors = self._people.known_as(authors_of(first, self._authors.changed_by))
        wish = Wish(
            action="opened" if case is None else "alerts-joined",
            who=WHO,
            at=self._clock(),
            origin="tapewatch",
            why=first.reason if len(alerts) == 1 else "",
            alerts=[alert.id for alert in alerts],
            rule_id=first.rule_id,
            rule_name=first.rule_name,
            authors=authors,
            alerts_first=min(alert.timestamp for alert in alerts),
            alerts_last=max(alert.timestamp for alert in alerts),
            level=level,
            four_eyes=least != "never" and SEVERITY[level] >= SEVERITY[least],
        )
        if group.window is not None:
            wish.action, wish.four_eyes = "alerts-suppressed", False
            wish.why = f"{group.window.reason} ({group.window.owner})"
        elif case is None:
            wish.assignee = self._assignee(first.typology, authors)
        return wish

    def _assignee(self, typology: str, authors: Sequence[str]) -> str | None:
        """Who has the fewest cases of those that get them, and wrote none of the rules."""
        for one in self._settings.assign:
            if one.typology in (None, typology):
                able = [user for user in one.to if not among(user, authors)]
                if able:
                    return min(able, key=lambda user: (self._load(user), able.index(user)))
        return None

    def _load(self, user: str) -> int:
        cases = (stored.case for stored in self.cases.values())
        return sum(one is not None and one.working and one.assignee == user for one in cases)

    async def _update(self, told: AlertUpdate) -> None:
        """An alert no longer holds, or holds again, or a trade that it rests on was revised."""
        case_id = self._in_case.get(told.alert_id)
        gone, amended = told.status == "retracted", told.status == "amended"
        while case_id is not None:
            stored = self.cases[case_id]
            there = stored.case.alerts.get(told.alert_id) if stored.case is not None else None
            if there is None:
                return
            if told.reason in there.amended if amended else there.retracted == gone:
                return  # it was noted already
            wish = Wish(
                action=_ACTIONS[told.status],
                who=WHO,
                at=self._clock(),
                origin="tapewatch",
                why=told.reason,
                alerts=[told.alert_id],
                rule_id=told.rule_id,
                rule_name=told.rule_name,
            )
            if await self._did(case_id, wish):
                return

    async def _did(self, case_id: str, wish: Wish) -> bool:
        """Whether it was done, or may not be; if not, somebody was faster."""
        try:
            activity, after = await self._store.do(self.cases[case_id], wish)
        except ActionRefused as refused:
            log.info("not done to a case", case=case_id, action=wish.action, reason=str(refused))
            return True
        except CaseChanged:
            await self._look_again(case_id)
            return False
        self.cases[case_id] = after
        self._know(activity)
        return True

    # -- Kibana -------------------------------------------------------------------------------

    async def _keep_in_kibana(self, kibana: Kibana) -> None:
        sync = await KibanaSync.open(
            self._bus, kibana, self._settings, cases=lambda: self.cases, clock=self._clock
        )
        self._sync = sync
        await sync.run()

    @property
    def reported(self) -> ReaderState:
        """Where it stands, with what is wrong."""
        trouble = self.state.trouble or (self._sync.trouble if self._sync is not None else "")
        return structs.replace(self.state, trouble=trouble)

    # -- ages ---------------------------------------------------------------------------------

    async def _look_at_ages(self) -> None:
        while self._settings.escalate:
            async with self._lock:
                await self.escalate()
            await asyncio.sleep(self._settings.look_every / SECOND)
            raise_if_cancelled()

    async def escalate(self) -> None:
        """Take the steps that are due now."""
        now = self._clock()
        for case_id in list(self.cases):
            case = self.cases[case_id].case
            if case is None or not case.working:
                continue
            for step in list(due(case, self._settings.escalate, now)):
                wish = Wish(
                    action="escalated",
                    who=WHO,
                    at=now,
                    origin="tapewatch",
                    why=_WHY[step.when],
                    step=step.step,
                    notify=step.notify,
                )
                await self._did(case_id, wish)


_ACTIONS: dict[AlertStatus, CaseAction] = {
    "retracted": "alerts-retracted",
    "reinstated": "alerts-reinstated",
    "amended": "alerts-amended",
}
_WHY = {
    "unassigned": "nobody works on it",
    "pending": "nobody approves or rejects what is proposed",
    "working": "it isn't closed",
}


def _beginning(found: Opens, alert: Alert) -> Known:
    return Known(
        id=found.case_id,
        status="open",
        level=alert.level,
        typology=alert.typology,
        entities=alert.entities,
        asset=asset_of(alert),
    )
