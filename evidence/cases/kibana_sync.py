"""Cases in Kibana, both ways: what is done here is shown there, what people do there counts here.

First what Kibana has is taken, then what it lacks is written. Each fact that came from there names
the user action that it was, and each comment that went there names the fact, so whatever dies on
the way, nothing is done twice. How far each case was written is kept in a bucket on the bus.

The API key should be of a user of its own: what that user does in Kibana is taken for ours. Who
that is Kibana's answers to our own changes tell, and no case: anybody may make one with our tag.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Self

import msgspec
import nats.js.errors
import structlog
from msgspec import Struct
from nats.js.kv import KeyValue

from delivery.endpoint import HttpOptions
from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.sink import SinkUnavailable
from evidence.cases import kibana_api as api
from evidence.cases import kibana_form as form
from evidence.cases.actions import Wish
from evidence.cases.kibana_api import CaseChange, KibanaCase, KibanaUser
from evidence.cases.kibana_decisions import decide, news
from evidence.cases.people import People
from evidence.cases.state import ActionRefused, Case
from evidence.cases.store import CaseChanged, CaseStore, StoredCase
from normalizer.events import SEVERITY, CaseActivity
from pipeline.bus import Bus
from pipeline.bus.positions import open_bucket
from pipeline.cancellation import raise_if_cancelled
from pipeline.config.cases import Cases
from pipeline.config.kibana import Kibana
from pipeline.failure import Failure
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

WHO = "tapewatch"
_BUCKET = "CASES_IN_KIBANA"
_SEEN = "_seen"
_OWN = "_own"
#: How far back Kibana is asked again: a change is found late where it took long to be written, or
#: where one of several Kibanas has a clock that is behind.
_LATE = timedelta(minutes=1)
#: How often a change is made anew where somebody was faster.
_ATTEMPTS = 5
#: Statuses by which Kibana refuses us, and not a case.
_OF_ALL = (401, 403)
_MOST_TOLD = 3


class Progress(Struct):
    """How far a case was written to Kibana: the number of its newest activity that was."""

    written: int = 0


class KibanaSync:
    """Cases of one bus in one space of one Kibana. `cases`: all cases as they are known here."""

    def __init__(
        self,
        store: CaseStore,
        kept: KeyValue,
        client: KibanaClient,
        settings: Cases,
        *,
        index: str,
        cases: Callable[[], Mapping[str, StoredCase]],
        clock: Callable[[], int],
    ) -> None:
        assert settings.kibana is not None
        self._store = store
        self._kept = kept
        self._client = client
        self._settings = settings.kibana
        self._people = People.of(settings)
        self._index = index
        self._cases = cases
        self._clock = clock
        self._progress: dict[str, Progress] = {}
        self._fields: dict[str, str] = {}
        self._seen = ""
        #: Users that we are in Kibana, or were by another key.
        self._own: set[str] = set()
        #: Cases that are to be looked at, whatever was written of them.
        self._due: set[str] = set()
        #: By case, why Kibana doesn't take it.
        self._refused: dict[str, str] = {}
        self.trouble = ""

    @classmethod
    async def open(
        cls,
        bus: Bus,
        kibana: Kibana,
        settings: Cases,
        *,
        cases: Callable[[], Mapping[str, StoredCase]],
        clock: Callable[[], int],
    ) -> Self:
        """With what was written before."""
        kept = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
        options = HttpOptions(
            timeout=kibana.timeout,
            ca_certificate=kibana.ca_certificate,
            verify_certificates=kibana.verify_certificates,
        )
        client = KibanaClient(kibana.url, kibana.api_key, options, space=kibana.space)
        namespace = "default" if kibana.namespace == "*" else kibana.namespace
        index = f"logs-tapewatch.alerts-{namespace}"
        store = await CaseStore.open(bus)
        opened = cls(store, kept, client, settings, index=index, cases=cases, clock=clock)
        await opened._recall()
        return opened

    async def run(self) -> None:
        """Keep both alike until cancelled."""
        while True:
            try:
                async with self:
                    while True:
                        await self.once()
                        await asyncio.sleep(self._settings.every / SECOND)
                        raise_if_cancelled()
            except (SinkUnavailable, KibanaRefused, Failure) as error:
                if not self.trouble:
                    log.warning("cases in Kibana are not up to date", reason=str(error))
                self.trouble = f"cases in Kibana: {error}"
            await asyncio.sleep(self._settings.every / SECOND)
            raise_if_cancelled()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def once(self) -> None:
        """Take what Kibana has, and write what it lacks. Raises SinkUnavailable, KibanaRefused."""
        self._fields = await api.custom_fields(self._client, self._settings.owner)
        cases = {one: stored.case for one, stored in self._cases().items() if stored.case}
        await self._take_all({c.kibana_id: c.id for c in cases.values() if c.kibana_id})
        for case in cases.values():
            written = self._progress.get(case.id, Progress()).written
            if not self._is_meant(case) or not (case.id in self._due or written < case.number):
                continue
            try:
                await self._write(case.id)
                self._refused.pop(case.id, None)
            except KibanaRefused as refused:
                if refused.status in _OF_ALL:
                    raise
                self._tell_refusal(case.id, refused)
        told = [*self._personal_key(), *self._refused.values()]
        self.trouble = "; ".join(told[:_MOST_TOLD])

    def _personal_key(self) -> list[str]:
        return [
            f"kibana.api_key is of {one}, whom cases.people has: what they do in Kibana is taken "
            "for Tapewatch's and comes into no case. Make a key of a user of its own"
            for one in sorted(self._own)
            if self._people.knows(one)
        ]

    def _tell_refusal(self, case: str, refused: KibanaRefused) -> None:
        """Kibana doesn't take this case: it is tried again, and the others go on."""
        said = f"Kibana refuses {case}: {refused}"
        if self._refused.get(case) != said:
            log.error("a case isn't up to date in Kibana", case=case, reason=str(refused))
        self._refused[case] = said

    def _is_meant(self, case: Case) -> bool:
        least = SEVERITY[self._settings.minimum_level]
        return case.status != "suppressed" and SEVERITY[case.level] >= least

    # -- from Kibana --------------------------------------------------------------------------

    async def _take_all(self, ours: Mapping[str, str]) -> None:
        """`ours`: ids of our cases by their ids in Kibana."""
        newest = self._seen
        since = _before(self._seen, _LATE)
        async for there in api.find(self._client, self._settings.owner, since=since):
            newest = max(newest, there.updated_at or there.created_at)
            if there.id in ours:
                await self._take(ours[there.id], there)
        if newest != self._seen:
            self._seen = newest
            await self._kept.put(_SEEN, newest.encode())

    async def _take(self, case_id: str, there: KibanaCase) -> None:
        """What others did to a case there: a fact each, or the reason why it is none."""
        stored = await self._store.load(case_id)
        done = await api.actions(self._client, there.id)
        assert stored.case is not None
        for action in news(done, stored.case, self._own or {there.created_by.called}):
            self._due.add(case_id)
            for _ in range(_ATTEMPTS):
                assert stored.case is not None
                wish = decide(stored.case, action, there, self._people, at=self._clock())
                if wish is None:
                    break
                try:
                    _, stored = await self._store.do(stored, wish)
                    break
                except (CaseChanged, ActionRefused):  # somebody was faster: judged anew
                    stored = await self._store.load(case_id)

    # -- to Kibana ----------------------------------------------------------------------------

    async def _write(self, case_id: str) -> None:
        stored = await self._store.load(case_id)
        case = stored.case
        if case is None:
            return
        there = await api.get(self._client, case.kibana_id) if case.kibana_id else None
        if there is None:
            there, case = await self._open(stored)
            self._progress[case_id] = Progress()
        progress = self._progress.setdefault(case_id, Progress())
        for activity in await self._store.history(case_id):
            if activity.number > progress.written:
                there = await self._tell(activity, there)
                progress.written = activity.number
        self._due.discard(case_id)
        await self._settle(case, there)
        await self._kept.put(case_id, msgspec.json.encode(progress))

    async def _open(self, stored: StoredCase) -> tuple[KibanaCase, Case]:
        """The case in Kibana: found by its tag after a crash, else made."""
        case = stored.case
        assert case is not None
        there = None
        tag = form.own_tag(case.id)
        async for found in api.find(self._client, self._settings.owner, tag=tag):
            called = found.created_by.called
            if called in self._own or not self._people.knows(called):
                there = found
                break
        if there is None:
            profiles = self._people.kibana_profiles
            new = form.new_case(case, self._settings.owner, self._fields, profiles)
            there = await api.create(self._client, new)
            await self._learn(there.created_by)
        for _ in range(_ATTEMPTS):
            assert stored.case is not None
            if stored.case.kibana_id == there.id:
                break
            wish = Wish(
                action="linked",
                who=WHO,
                at=self._clock(),
                origin="tapewatch",
                kibana_id=there.id,
                why="" if case.kibana_id is None else f"{case.kibana_id} is gone",
            )
            try:
                _, stored = await self._store.do(stored, wish)
            except CaseChanged:
                stored = await self._store.load(case.id)
        assert stored.case is not None
        return there, stored.case

    async def _tell(self, activity: CaseActivity, there: KibanaCase) -> KibanaCase:
        """Show what was done in Kibana, unless it is there already."""
        room = True
        if activity.alerts and activity.action in ("opened", "alerts-joined"):
            attached = {one for comment in there.comments for one in comment.alerts}
            new = [one for one in activity.alerts if one not in attached]
            room = len(attached) + len(new) <= api.MOST_ALERTS
            if room:
                return await self._attach(activity, new, there) if new else there
        if (room and not form.is_for_kibana(activity)) or form.is_told(activity, there):
            return there
        text = form.told(activity)
        there = await api.comment(self._client, there.id, text, self._settings.owner)
        await self._learn(there.updated_by)
        return there

    async def _attach(
        self, activity: CaseActivity, alerts: Sequence[str], there: KibanaCase
    ) -> KibanaCase:
        rule = (activity.rule_id or "", activity.rule_name or "")
        owner = self._settings.owner
        there = await api.attach(self._client, there.id, alerts, self._index, rule, owner)
        await self._learn(there.updated_by)
        return there

    async def _settle(self, case: Case, there: KibanaCase) -> None:
        """Set status, severity, assignee and fields in Kibana to what holds here.

        Where somebody changes the case there at the same time, that is taken first, the next time.
        """
        wanted = self._change(case, there)
        if not wanted.changes:
            return
        try:
            await self._learn((await api.change(self._client, wanted)).updated_by)
        except KibanaRefused as refused:
            if refused.status != 409:
                raise
            log.info("changed in Kibana meanwhile: taken the next time", case=case.id)
            self._due.add(case.id)

    def _change(self, case: Case, there: KibanaCase) -> CaseChange:
        wanted = CaseChange(id=there.id, version=there.version)
        if there.status != form.status_of(case):
            wanted.status = form.status_of(case)
        if there.severity != form.severity_of(case):
            wanted.severity = form.severity_of(case)
        assignees = form.assignees_of(case, self._people.kibana_profiles)
        if there.assignees != assignees and (assignees or case.assignee is None):
            wanted.assignees = assignees
        fields = form.fields_of(case, self._fields, there.custom_fields)
        if {one.key: one.value for one in there.custom_fields} != {
            one.key: one.value for one in fields
        }:
            wanted.custom_fields = fields
        return wanted

    async def _learn(self, user: KibanaUser | None) -> None:
        """Who changed a case, by the answer to our own change: that are we."""
        if user is not None and user.called not in self._own:
            self._own.add(user.called)
            await self._kept.put(_OWN, msgspec.json.encode(sorted(self._own)))

    async def _recall(self) -> None:
        try:
            keys = await self._kept.keys()
        except nats.js.errors.NoKeysError:
            return
        for key in keys:
            value = (await self._kept.get(key)).value or b""
            if key == _SEEN:
                self._seen = value.decode()
            elif key == _OWN:
                self._own = msgspec.json.decode(value, type=set[str])
            else:
                self._progress[key] = msgspec.json.decode(value, type=Progress)


def _before(moment: str, by: timedelta) -> str:
    """A time of Kibana's, so much earlier, in its form; none stays none."""
    try:
        earlier = datetime.fromisoformat(moment) - by
    except (ValueError, OverflowError):
        return ""
    return earlier.strftime("%Y-%m-%dT%H:%M:%S.") + f"{earlier.microsecond // 1000:03d}Z"
