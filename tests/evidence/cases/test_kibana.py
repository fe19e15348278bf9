"""Cases in Kibana and here, against the double of its API: both ways, whatever breaks meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from delivery.endpoint import HttpOptions
from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.sink import SinkUnavailable
from evidence.cases import kibana_api as api
from evidence.cases.actions import MOST_WRITTEN, About, Wish, do
from evidence.cases.kibana_decisions import decide
from evidence.cases.kibana_form import escaped, told
from evidence.cases.kibana_sync import KibanaSync
from evidence.cases.people import People
from evidence.cases.state import Case
from evidence.cases.store import CaseStore, StoredCase
from normalizer.events.case import CaseAction
from pipeline.bus import Bus, Stream
from pipeline.config.cases import CasePerson, Cases, KibanaCases
from pipeline.config.kibana import Kibana
from pipeline.failure import Failure
from pipeline.secrets import Secret, SecretText
from pipeline.units import SECOND
from tests.evidence.cases.examples import START, Worked
from tests.servers.kibana.cases import Cases as CasesArea
from tests.servers.kibana.cases import Held
from tests.servers.kibana.double import Fault, KibanaDouble
from tests.servers.kibana.spaces import Spaces

FIELDS = {
    "tapewatch-case-id": "text", "tapewatch-alert-count": "number", "tapewatch-four-eyes": "toggle",
    "tapewatch-resolution": "text", "tapewatch-approved-by": "text", "others-field": "text",
}  # fmt: skip
PEOPLE = [
    CasePerson(user="alice", kibana_profile="u_alice_0"),
    CasePerson(user="bob", roles=["supervisor"], kibana_profile="u_bob_0"),
    CasePerson(user="dq", also=["Dana Quant"], roles=["supervisor"], kibana_profile="u_dana_0"),
]
TW = "TW-1"


@pytest.fixture
def area() -> CasesArea:
    return CasesArea(dict(FIELDS))


@pytest.fixture
def double(area: CasesArea) -> Iterator[KibanaDouble]:
    with KibanaDouble(areas=[Spaces(), area]) as running:
        yield running


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


class Desk:
    """Cases here and in Kibana, and people who work there."""

    def __init__(self, bus: Bus, double: KibanaDouble, area: CasesArea) -> None:
        self.bus, self.double, self.area = bus, double, area
        self.known: dict[str, StoredCase] = {}
        self.clock: Callable[[], int] = lambda: START + 3600 * SECOND
        self._sync: KibanaSync | None = None

    async def open(self, worked: Worked) -> None:
        """A case here, with all that was done to it."""
        for one in worked.activities:
            subject = self.bus.names.subject(Stream.CASES, one.case_id)
            await self.bus.jetstream.publish(subject, msgspec.json.encode(one))

    async def sync(self, *, anew: bool = False, rounds: int = 1) -> KibanaSync:
        """A round, or more of them; `anew`: after a crash of the process."""
        if self._sync is None or anew:
            await self.close()
            key = Secret(f"${{env:{_KEY}}}")
            kibana = Kibana(url=SecretText(self.double.url), api_key=key)
            settings = Cases(people=PEOPLE, kibana=KibanaCases(every=SECOND // 20))
            made = await KibanaSync.open(
                self.bus, kibana, settings, cases=lambda: self.known, clock=self.clock
            )
            self._sync = await made.__aenter__()
        for _ in range(rounds):
            self.known = await (await CaseStore.open(self.bus)).all()
            await self._sync.once()
        return self._sync

    async def close(self) -> None:
        if self._sync is not None:
            await self._sync.__aexit__()

    async def here(self) -> Case:
        case = (await (await CaseStore.open(self.bus)).load(TW)).case
        assert case is not None
        return case

    async def do(self, action: CaseAction, who: str, **wish: Any) -> None:
        store = await CaseStore.open(self.bus)
        await store.do(await store.load(TW), Wish(action=action, who=who, at=START, **wish))

    @property
    def there(self) -> Held:
        (held,) = self.area.held()
        return held

    def comments(self, kind: str = "user") -> list[str]:
        found = [one for one in self.there.case["comments"] if one["type"] == kind]
        return [one["comment"] if kind == "user" else one["alertId"] for one in found]

    async def by(self, user: str, **change: Any) -> None:
        """Somebody changes the case in Kibana, by Kibana's own API."""
        async with self.client(user) as client:
            held = self.there.case
            body = {"cases": [{"id": held["id"], "version": held["version"], **change}]}
            await client.send("PATCH", "/api/cases", body, list[api.KibanaCase])

    async def close_by(self, user: str, resolution: str | None = "explained") -> None:
        """Somebody puts a reason code and closes it."""
        if resolution is not None:
            fields = [
                one | {"value": resolution} if one["key"] == "tapewatch-resolution" else one
                for one in self.there.case["customFields"]
            ]
            if fields != self.there.case["customFields"]:
                await self.by(user, customFields=fields)
        await self.by(user, status="closed")

    async def says(self, user: str, text: str) -> None:
        async with self.client(user) as client:
            await api.comment(client, self.there.case["id"], text, "securitySolution")

    async def made_by(self, user: str, *tags: str) -> None:
        """Somebody opens a case of their own in Kibana."""
        fields = [api.CustomValue(key, kind, None) for key, kind in FIELDS.items()]
        case = api.NewCase(
            title="t", description="d", tags=tags, owner="securitySolution", severity="low",
            custom_fields=fields,
        )  # fmt: skip
        async with self.client(user) as client:
            await api.create(client, case)

    def client(self, user: str) -> KibanaClient:
        key = SecretText(self.double.key_of(user))
        options = HttpOptions(timeout=2 * SECOND)
        return KibanaClient(SecretText(self.double.url), key, options)


_KEY = "TAPEWATCH_TEST_KIBANA_KEY"


@pytest.fixture
async def desk(
    bus: Bus, double: KibanaDouble, area: CasesArea, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    monkeypatch.setenv(_KEY, double.api_key)
    made = Desk(bus, double, area)
    yield made
    await made.close()


def worked() -> Worked:
    """A high case of alice's, with two alerts and a comment."""
    found = Worked()
    found.join(2)
    found.do("assigned", "boss", assignee="alice")
    found.do("commented", "alice", comment="asked the *broker*, see [here](https://evil.example)")
    return found


# -- what is done here is shown there --------------------------------------------------------------


async def test_a_case_is_opened_in_kibana_with_its_alerts_comments_and_fields(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    case = desk.there.case
    assert (case["title"], case["severity"], case["status"]) == (
        "Wash trading in ACME", "high", "open",
    )  # fmt: skip
    assert case["tags"][:2] == ["tapewatch", "tapewatch:TW-1"]
    assert case["assignees"] == [{"uid": "u_alice_0"}]
    assert {one["key"]: one["value"] for one in case["customFields"]} == {
        "tapewatch-case-id": "TW-1", "tapewatch-alert-count": 2, "tapewatch-four-eyes": True,
        "tapewatch-resolution": None, "tapewatch-approved-by": None, "others-field": None,
    }  # fmt: skip
    assert desk.comments("alert") == [["alert-1"], ["alert-2"]]
    *_, said = desk.comments()
    assert said.startswith("alice commented\n\nasked the \\*broker\\*, see \\[here\\]\\(")
    assert said.endswith("_Tapewatch TW-1 #4_")
    assert (await desk.here()).kibana_id == case["id"]


async def test_a_case_without_an_alert_says_why_it_was_opened(desk: Desk) -> None:
    about = About(title="A client complains", entities=("acct-7",))
    wish = Wish(action="opened", who="alice", at=START, why="letter of 3 March", level="medium")
    store = await CaseStore.open(desk.bus)
    await store.begin(TW, about, wish)
    await desk.sync(rounds=2)
    await desk.sync(anew=True, rounds=2)
    case = desk.there.case
    assert (case["title"], case["severity"]) == ("A client complains", "medium")
    assert desk.comments("alert") == []
    assert desk.comments() == ["alice opened the case: letter of 3 March\n\n_Tapewatch TW-1 #1_"]


async def test_what_is_done_here_later_follows_once(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync()
    await desk.do("resolution-proposed", "alice", resolution="explained", why="market maker")
    await desk.do("closed", "bob", resolution="explained", why="yes")
    await desk.sync(rounds=2)
    await desk.sync(anew=True, rounds=2)
    case = desk.there.case
    fields = {one["key"]: one["value"] for one in case["customFields"]}
    assert (case["status"], fields["tapewatch-resolution"]) == ("closed", "explained")
    assert fields["tapewatch-approved-by"] == "bob"
    assert len(desk.comments()) == len(set(desk.comments())) == 4
    assert (await desk.here()).number == 7  # nothing of ours came back as somebody else's


async def test_suppressed_cases_and_those_below_the_level_stay_here(desk: Desk) -> None:
    await desk.open(Worked("informational"))
    await desk.sync()
    assert desk.area.held() == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(path="/api/cases", method="POST", drop=True, applied=True),
        Fault(path="/comments", method="POST", drop=True, applied=True),
        Fault(path="/comments", method="POST", status=503),
        Fault(path="/api/cases", method="PATCH", status=500),
        Fault(path="/_find", status=429, retry_after="0"),
        Fault(path="/api/cases", method="POST", status=502),
    ],
    ids=lambda one: f"{one.method} {one.path} {one.status or 'lost'}",
)
async def test_whatever_breaks_nothing_is_there_twice(desk: Desk, fault: Fault) -> None:
    await desk.open(worked())
    desk.double.fail(fault)
    for _ in range(4):
        try:
            await desk.sync(anew=True)
        except SinkUnavailable:
            continue
    assert desk.comments("alert") == [["alert-1"], ["alert-2"]]
    assert len(desk.comments()) == 2
    assert desk.there.case["assignees"] == [{"uid": "u_alice_0"}]


async def test_a_case_that_kibana_refuses_holds_up_no_other_and_is_told(desk: Desk) -> None:
    await desk.open(worked())
    other = Worked()
    for one in other.activities:
        one.case_id = "TW-2"
    await desk.open(other)
    desk.double.fail(Fault(path="/comments", method="POST", status=400))
    sync = await desk.sync()
    assert sync.trouble.startswith("Kibana refuses TW-1: ")
    assert len(desk.area.held()) == 2
    assert (await desk.sync()).trouble == ""


async def test_an_answer_that_says_nothing_is_no_success(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.do("status-changed", "alice", status="in-progress")
    desk.double.fail(Fault(path="/api/cases", method="PATCH", status=200, body=b"[]"))
    with pytest.raises(SinkUnavailable, match="0 cases"):
        await desk.sync()
    await desk.sync(anew=True)
    assert desk.there.case["status"] == "in-progress"


async def test_a_bus_that_does_not_answer_ends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.says("alice", "asked the broker")
    append = CaseStore.append

    async def lost(self: CaseStore, *_: Any) -> int:
        monkeypatch.setattr(CaseStore, "append", append)
        raise Failure("no answer whether this was done")

    monkeypatch.setattr(CaseStore, "append", lost)
    running = asyncio.create_task((await desk.sync(anew=True, rounds=0)).run())
    async with asyncio.timeout(10):
        while "asked the broker" not in [one.text for one in (await desk.here()).comments]:
            assert not running.done(), running.exception()
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_key_that_is_revoked_is_told(desk: Desk) -> None:
    await desk.open(worked())
    desk.double.revoke(desk.double.api_key)
    with pytest.raises(KibanaRefused, match="401"):
        await desk.sync()


async def test_a_case_that_was_deleted_there_is_opened_again_when_it_goes_on(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync()
    desk.area.delete(desk.there.case["id"])
    await desk.do("commented", "alice", comment="still at it")
    await desk.sync(rounds=2)
    assert (await desk.here()).kibana_id == desk.there.case["id"]
    assert len(desk.comments("alert")) == 2


async def test_a_case_that_somebody_made_with_our_tag_is_not_taken_for_ours(desk: Desk) -> None:
    await desk.open(worked())
    await desk.made_by("alice", "tapewatch:TW-1")
    await desk.sync(rounds=2)
    linked = (await desk.here()).kibana_id
    made = {one.case["id"]: one.case["created_by"]["username"] for one in desk.area.held()}
    assert sorted(made.values()) == ["alice", "tapewatch"]
    assert made[str(linked)] == "tapewatch"


async def test_who_made_the_case_in_kibana_is_not_taken_for_us(desk: Desk) -> None:
    """Of a stranger we take the case over, after a crash it may be ours; not what they do."""
    await desk.open(worked())
    await desk.made_by("mallory", "tapewatch:TW-1")
    await desk.sync(rounds=2)
    assert (await desk.here()).kibana_id == desk.there.case["id"]
    await desk.by("mallory", status="closed")
    await desk.sync(rounds=2)
    assert desk.there.case["status"] == "open"
    (*_, said) = (await desk.here()).comments
    assert (said.who, "does not hold" in said.text) == ("mallory", True)


async def test_another_key_is_still_us(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    monkeypatch.setenv(_KEY, desk.double.key_of("tapewatch-2"))
    await desk.do("status-changed", "alice", status="in-progress")
    before = (await desk.here()).number
    await desk.sync(anew=True, rounds=3)
    await desk.sync(anew=True, rounds=2)
    assert (await desk.here()).number == before


async def test_a_key_of_one_of_the_people_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_KEY, desk.double.key_of("alice"))
    await desk.open(worked())
    assert "is of alice, whom cases.people has" in (await desk.sync()).trouble


# -- what people do there counts here --------------------------------------------------------------


async def test_comments_status_and_assignee_come_back_as_facts_of_their_authors(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.says("alice", "the account is a fund's")
    await desk.by("alice", status="in-progress")
    await desk.by("bob", assignees=[{"uid": "u_bob_0"}])
    await desk.sync(rounds=3)
    await desk.sync(anew=True)
    case = await desk.here()
    assert (case.status, case.assignee) == ("in-progress", "bob")
    (*_, comment) = case.comments
    assert (comment.who, comment.origin) == ("alice", "kibana")
    assert comment.text == "the account is a fund's"
    history = await (await CaseStore.open(desk.bus)).history(TW)
    mine = [(one.who, one.action) for one in history if one.provider == "kibana"]
    assert mine == [
        ("alice", "commented"), ("alice", "status-changed"), ("bob", "unassigned"),
        ("bob", "assigned"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [("delete", "add"), ("add", "delete")])
def test_who_replaces_the_assignee_there_takes_the_case_from_the_former_only(
    order: tuple[str, str],
) -> None:
    """Of one change Kibana notes two actions at the same time."""
    people, there = People(PEOPLE), api.KibanaCase(id="k", version="1", status="open")
    uids = {"delete": "u_alice_0", "add": "u_bob_0"}
    case = worked()
    for number, kind in enumerate(order):
        payload = api.Payload(assignees=[api.Assignee(uids[kind])])
        boss = api.KibanaUser(username="bob")
        done = api.UserAction(str(number), "assignees", kind, created_by=boss, payload=payload)
        wish = decide(case.case, done, there, people, at=START)
        if wish is not None:
            _, case.case = do(case.case, wish)
    assert (case.case.assignee, [one.text for one in case.case.comments[1:]]) == ("bob", [])


async def test_closing_there_proposes_and_somebody_else_closes(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.close_by("alice")
    await desk.sync(rounds=2)
    assert (await desk.here()).status == "pending"
    assert desk.there.case["status"] == "in-progress"
    assert "somebody else closes it" in desk.comments()[-1]
    await desk.by("bob", status="closed")
    await desk.sync(rounds=2)
    case = await desk.here()
    assert (case.status, case.resolution, case.approved_by) == ("closed", "explained", "bob")
    assert case.proposal is not None
    assert (case.proposal.who, desk.there.case["status"]) == ("alice", "closed")


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("alice", "is no supervisor"),
        ("dana quant", "wrote or last changed"),
        ("mallory", "none of cases.people"),
    ],
)
async def test_who_may_not_close_it_there_is_told_and_it_is_reopened(
    desk: Desk, who: str, why: str
) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.close_by("alice")
    await desk.sync(rounds=2)
    await desk.by(who, status="closed")
    await desk.sync(rounds=2)
    case = await desk.here()
    assert (case.status, desk.there.case["status"]) == ("pending", "in-progress")
    assert why in desk.comments()[-1]
    assert "does not hold" in desk.comments()[-1]
    said = case.comments[-1]
    assert why in said.text
    before = len(desk.comments())
    await desk.sync(anew=True, rounds=2)
    assert len(desk.comments()) == before, "nobody is told twice"


async def test_closing_there_needs_a_reason_code(desk: Desk) -> None:
    low = Worked("low", authors=())
    await desk.open(low)
    await desk.sync(rounds=2)
    await desk.close_by("alice", None)
    await desk.sync(rounds=2)
    assert (await desk.here()).status == desk.there.case["status"] == "open"
    assert "reason code" in desk.comments()[-1]
    await desk.close_by("alice", "false-positive")
    await desk.sync(rounds=2)
    case = await desk.here()
    assert (case.status, case.resolution) == ("closed", "false-positive")
    await desk.by("alice", status="open")
    await desk.sync(rounds=2)
    assert (await desk.here()).status == desk.there.case["status"] == "open"


async def test_the_level_is_that_of_the_alerts_and_titles_are_theirs(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.by("alice", severity="low", title="Fund 7")
    await desk.sync(rounds=2)
    case = desk.there.case
    assert (case["severity"], case["title"]) == ("high", "Fund 7")
    assert "level of a case is that of its alerts" in desk.comments()[-1].replace("\\", "")


async def test_what_is_closed_here_and_reopened_there_at_once_is_settled_by_the_order(
    desk: Desk,
) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.by("alice", status="in-progress")  # not taken yet, when it is closed here
    await desk.do("resolution-proposed", "alice", resolution="explained")
    await desk.do("closed", "bob", resolution="explained")
    await desk.sync(rounds=3)
    case = await desk.here()
    assert (case.status, desk.there.case["status"]) == ("open", "open")
    assert "reopened in Kibana" in [one.why for one in await history(desk)]


async def test_a_change_there_that_is_found_late_is_not_lost(desk: Desk) -> None:
    """A Kibana whose clock is behind wrote it, after one that is ahead had been read."""
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.by("alice", status="in-progress")
    desk.there.case["updated_at"] = "2026-11-26T08:59:59.000Z"
    await desk.sync(rounds=2)
    assert (await desk.here()).status == "in-progress"


async def test_a_change_there_while_it_is_written_is_not_lost(desk: Desk) -> None:
    await desk.open(worked())
    await desk.sync(rounds=2)
    await desk.do("status-changed", "alice", status="in-progress")
    desk.double.fail(Fault(path="/api/cases", method="PATCH", status=409))
    await desk.sync()
    assert desk.there.case["status"] == "open"
    await desk.sync(rounds=2)
    assert desk.there.case["status"] == "in-progress"


async def history(desk: Desk) -> list[Any]:
    return await (await CaseStore.open(desk.bus)).history(TW)


def test_text_from_elsewhere_is_text() -> None:
    said = escaped("[a](http://b) <b>\u202e *x*\n# head")
    assert said == "\\[a\\]\\(http:\\//b\\) \\<b\\>\ufffd \\*x\\*\n\\# head"


@pytest.mark.parametrize("text", ["x" * MOST_WRITTEN, "*" * MOST_WRITTEN, "short"])
def test_however_long_a_comment_is_it_is_found_again(text: str) -> None:
    case = Worked()
    case.do("commented", "alice", comment=text)
    said = told(case.activities[-1])
    assert len(said) <= api.MOST_TEXT
    assert said.endswith("_Tapewatch TW-1 #2_")
    assert ("the rest is in Tapewatch" in said) == (text != "short")
