"""A person makes a case: of an alert that opened none, or that only a sink still has, or of none.

What the configuration leaves to nobody (`minimum_level`, `staged`, `suppress`) a person may take up
all the same; a suppression window still counts its alert. Else it is as the stage does it: an alert
is in one case that is worked on, once, and joins an open case that it belongs to.

Not every suspicion begins with an alert: a client complains, a dealer reports a colleague, another
venue or an authority asks (MAR Article 16(2) of staff who arrange transactions; Delegated
Regulation (EU) 2016/957, Article 3). Such a referral opens a case of its own, which alerts join.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import structs

from evidence.cases.actions import About, Wish, referral_id
from evidence.cases.grouping import CaseIndex, Joins, Opens, authors_of, place
from evidence.cases.people import People
from evidence.cases.state import ActionRefused, Case
from evidence.cases.store import CaseStore, StoredCase
from normalizer.events import SEVERITY, Alert, CaseActivity, Level
from pipeline.bus import Bus, Stream
from pipeline.config.cases import Cases

#: Marks what opened a case without an alert.
REFERRAL = "referral"
_AT_ONCE = 256
_WAIT = 5.0


async def alert_on_bus(bus: Bus, alert_id: str) -> Alert | None:
    """The alert of this id, as the stream ALERTS has it."""
    last = await bus.last_sequence(Stream.ALERTS)
    reader = bus.reader(Stream.ALERTS, after=0)
    looked_for = alert_id.encode()
    try:
        while reader.position < last:
            messages = await reader.batch(_AT_ONCE, wait=_WAIT)
            if not messages:
                return None
            for message in messages:
                if looked_for in message.data:
                    found = _among(message.data.split(b"\n"), alert_id)
                    if found is not None:
                        return found
    finally:
        await reader.close()
    return None


def _among(lines: Iterable[bytes], alert_id: str) -> Alert | None:
    for line in lines:
        try:
            found = msgspec.json.decode(line, type=Alert)
        except msgspec.MsgspecError:
            continue  # an update of an alert
        if found.id == alert_id:
            return found
    return None


def _there(case: Case) -> str:
    more = ": see `tapewatch case reopen`" if case.status == "closed" else ""
    return f"it is in {case.id} already, which is {case.status}{more}"


async def open_by_hand(
    store: CaseStore,
    alert: Alert,
    settings: Cases,
    changed_by: Mapping[str, Sequence[str]],
    *,
    who: str,
    at: int,
    why: str,
    into: str | None = None,
) -> CaseActivity:
    """Open a case of an alert, or let it join the open one that it belongs to, or `into` the one
    that somebody names.

    `changed_by`: who changed a rule. Raises ActionRefused where it is in a case that somebody works
    on, did, or should, or the person may not; CaseChanged where somebody was faster; Failure.
    """
    cases = await store.all()
    index = CaseIndex()
    for stored in cases.values():
        if stored.case is None:
            continue
        if alert.id in stored.case.alerts and stored.case.status != "suppressed":
            raise ActionRefused(_there(stored.case))
        index.put(stored.case)
    every = structs.replace(
        settings, minimum_level="informational", staged=True, suppress=[], quiet_after_close=0
    )
    found = Joins(into) if into is not None else place(alert, index, every, at)
    assert isinstance(found, Joins | Opens)
    stored = cases.get(found.case_id, StoredCase(None))
    if into is not None and stored.case is not None and stored.case.status == "closed":
        raise ActionRefused(f"{into} is closed: see `tapewatch case reopen`")
    people = People.of(settings)
    action = "opened" if isinstance(found, Opens) else "alerts-joined"
    who = people.user(who)
    refused = people.refusal(who, action, stored.case or Case(id=found.case_id))
    if refused is not None:
        raise ActionRefused(refused)
    wish = Wish(
        action=action,
        who=who,
        at=at,
        why=why,
        alerts=[alert.id],
        rule_id=alert.rule_id,
        rule_name=alert.rule_name,
        authors=people.known_as(authors_of(alert, changed_by)),
        alerts_first=alert.timestamp,
        alerts_last=alert.timestamp,
        level=alert.level,
        four_eyes=_by_two(alert.level, settings),
    )
    if isinstance(found, Opens):
        return (await store.begin(found.case_id, found.about, wish, behind=stored.sequence))[0]
    return (await store.do(stored, wish))[0]


async def open_referral(
    store: CaseStore, about: About, level: Level, settings: Cases, *, who: str, at: int, why: str
) -> CaseActivity:
    """Open a case without an alert. Raises ActionRefused where the person may not, and Failure."""
    people = People.of(settings)
    who = people.user(who)
    named = referral_id(about, who, at)
    refused = people.refusal(who, "opened", Case(id=named))
    if refused is not None:
        raise ActionRefused(refused)
    wish = Wish(
        action="opened",
        who=who,
        at=at,
        why=why,
        level=level,
        four_eyes=_by_two(level, settings),
        tags=(REFERRAL,),
    )
    return (await store.begin(named, about, wish))[0]


def _by_two(level: Level, settings: Cases) -> bool:
    least = settings.four_eyes_from
    return least != "never" and SEVERITY[level] >= SEVERITY[least]
