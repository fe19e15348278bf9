"""`tapewatch case`: what people see and may do, and what the audit log has of it."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner, Result

from detections.rules.archived import read_rule_files
from evidence.audit.facts import of_case
from evidence.cases.actions import MOST_WRITTEN
from evidence.cases.stage import CaseStage
from evidence.cases.store import CaseStore
from normalizer.events import Alert
from normalizer.events.ecs import nest
from pipeline.bus import Bus, Stream
from pipeline.bus.rule_archive import RuleArchive
from pipeline.cli.commands import app
from pipeline.config.loading import load_configuration
from pipeline.config.sinks import ElasticsearchSink
from pipeline.problems import ProblemsFound
from pipeline.secrets import SecretText
from tests.backtest.test_elasticsearch_commands import deliver, documents
from tests.cli.command_line import configuration
from tests.cli.golden_file import assert_golden
from tests.evidence.cases.examples import START, alert
from tests.servers.elasticsearch.server import ElasticsearchServer

NOW = START + 90 * 60 * 10**9
PEOPLE = [
    {"user": "alice"},
    {"user": "bob", "roles": ["supervisor"]},
    {"user": "dq", "also": ["Dana Quant"], "roles": ["analyst", "supervisor"]},
]


class Desk:
    """Commands of several people, on one configuration."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        self.path = path
        self._patch = patch

    def run(self, *arguments: str, who: str = "alice") -> Result:
        for module in ("case", "case_open"):
            self._patch.setattr(f"pipeline.cli.{module}.current_user", lambda: who)
        given = ["case", *arguments, "--config", str(self.path)]
        return CliRunner().invoke(app, given, env={"COLUMNS": "200", "NO_COLOR": "1"})

    def ok(self, *arguments: str, who: str = "alice") -> str:
        result = self.run(*arguments, who=who)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *arguments: str, who: str = "alice", code: int = 1) -> str:
        result = self.run(*arguments, who=who)
        assert result.exit_code == code, result.output
        return result.stderr

    def cases(self, *arguments: str) -> list[dict[str, Any]]:
        lines = self.ok("list", "--json", *arguments).splitlines()
        return [msgspec.json.decode(line) for line in lines]


@pytest.fixture
def desk(
    tmp_path: Path, nats_url: str, stream_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    path = tmp_path / "pipeline.yaml"
    bus = {"type": "nats", "urls": [nats_url], "prefix": stream_prefix}
    path.write_text(yaml.safe_dump(configuration(bus=bus, cases={"people": PEOPLE})))
    asyncio.run(made(path))
    monkeypatch.setattr("pipeline.cli.case.now", lambda: NOW)

    # The commands run in this process: its log is not to go to their output, which is closed.
    def configure(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr("pipeline.logs.configure", configure)
    return Desk(path, monkeypatch)


async def made(path: Path) -> None:
    """Two cases, by the stage itself."""
    one, two, low = alert(1), alert(2, after=60 * 10**9), alert(3, level="low", entities=("0xc",))
    await stage_takes(path, one, two, low)


async def stage_takes(path: Path, *alerts: Alert) -> None:
    """These alerts come in one message, and the stage of the cases puts them where they belong."""
    loaded = load_configuration(path)
    assert loaded.cases is not None
    async with await Bus.connect(loaded.bus, name="test") as bus:
        data = b"\n".join(msgspec.json.encode(one) for one in alerts)
        await bus.jetstream.publish(bus.names.subject(Stream.ALERTS, "lane"), data)
        last = await bus.last_sequence(Stream.ALERTS)
        stage = CaseStage(bus, loaded.cases, clock=lambda: START)
        task = asyncio.create_task(stage.run())
        async with asyncio.timeout(20):
            while stage.state.position < last:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_the_most_severe_comes_first_and_only_what_is_meant(desk: Desk) -> None:
    first, second = desk.cases()
    assert (first["level"], first["alerts"], second["level"]) == ("high", 2, "low")
    assert [one["id"] for one in desk.cases("--level", "high")] == [first["id"]]
    assert desk.cases("--mine") == []
    assert desk.ok("list", "--status", "closed") == "None of 2 cases is meant.\n"


def test_where_none_are_opened_it_says_so(
    tmp_path: Path, nats_url: str, stream_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would look as if nothing had happened."""
    monkeypatch.setattr("pipeline.logs.configure", lambda *_, **__: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    path = tmp_path / "pipeline.yaml"
    bus = {"type": "nats", "urls": [nats_url], "prefix": stream_prefix}
    for more, said in (
        ({}, f"No cases: {path} has no `cases:`, so none are opened of alerts\n"),
        ({"cases": {}}, "No cases.\n"),
    ):
        path.write_text(yaml.safe_dump(configuration(bus=bus) | more))
        assert Desk(path, monkeypatch).ok("list") == said


def test_from_the_alert_to_its_closing_by_two_people(desk: Desk, tmp_path: Path) -> None:
    (case, *_) = desk.cases()
    name = case["id"]
    report = tmp_path / "broker.txt"
    report.write_text("confirmed")
    assert "assign it first" in desk.refused(
        "propose-closing", name, "--resolution", "explained", "--why", "market maker"
    )
    desk.ok("assign", name, "alice", who="bob")
    desk.ok("status", name, "in-progress")
    desk.ok("comment", name, "asked the broker")
    desk.ok("attach", name, str(report), "--why", "the broker's answer")
    desk.ok("propose-closing", name, "--resolution", "explained", "--why", "market maker")
    seen = ("--expect", "6")
    assert "alice is no supervisor" in desk.refused("approve", name, *seen)
    assert "none of cases.people" in desk.refused("approve", name, *seen, who="mallory")
    assert "wrote or last changed" in desk.refused("approve", name, *seen, who="dq")
    assert "look at it again" in desk.refused("approve", name, "--expect", "2", who="bob")
    desk.ok("approve", name, *seen, who="bob")
    assert desk.cases("--status", "closed")[0]["resolution"] == "explained"
    shown = desk.ok("show", name).replace(str(report), "broker.txt")
    assert_golden("case-show.txt", shown)
    assert_golden("case-list.txt", desk.ok("list", "--all"))


# -- opened by hand --------------------------------------------------------------------------------


def open_of(number: int) -> tuple[str, ...]:
    return ("open", "--alert", f"alert-{number}", "--why", "seen in Splunk")


def written(folder: Path, one: Alert) -> Path:
    """What a file sink has of an alert that the bus has no more."""
    (folder / "alerts").mkdir(parents=True)
    (folder / "alerts" / "a.ndjson").write_bytes(msgspec.json.encode(nest(one)) + b"\n")
    return folder


def test_who_has_it_does_not_get_it_again(desk: Desk) -> None:
    name = desk.cases()[0]["id"]
    desk.ok("assign", name, "alice")
    assert f"{name}: it is alice's already; nothing was done" in desk.refused(
        "assign", name, "alice"
    )
    desk.ok("assign", name, "bob")


def test_a_person_opens_a_case_of_an_alert_that_opens_none(desk: Desk) -> None:
    ignored = alert(7, level="informational", entities=("0xd",))

    async def publish() -> None:
        async with await Bus.connect(load_configuration(desk.path).bus, name="test") as bus:
            data = msgspec.json.encode(ignored)
            await bus.jetstream.publish(bus.names.subject(Stream.ALERTS, "lane"), data)

    asyncio.run(publish())
    assert "alice opened the case with 1 alert of Rule 1: seen in Splunk" in desk.ok(*open_of(7))
    (case,) = desk.cases("--status", "open", "--level", "informational")[2:]
    assert (case["alerts"], case["number"]) == (1, 1)
    assert f"it is in {case['id']} already" in desk.refused(*open_of(7))


def test_an_alert_that_only_a_sink_has_joins_the_case_that_it_belongs_to(
    desk: Desk, tmp_path: Path
) -> None:
    out = written(tmp_path / "elsewhere", alert(8, after=120 * 10**9))
    assert "no alert alert-8 in the bus" in (said := desk.refused(*open_of(8)))
    assert "give the whole id, as `event.id` has it" in said
    assert "alice put 1 alert of Rule 1 into the case" in desk.ok(*open_of(8), "--out", str(out))
    assert desk.cases()[0]["alerts"] == 3


def test_who_wrote_the_rule_is_known_also_where_an_archive_hides_it(
    desk: Desk, tmp_path: Path
) -> None:
    """A sink may drop staff, and a folder may be anybody's: dq judges no alert of his own rule."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "own.yml").write_text(
        "title: Own\nid: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa\nlevel: high\nauthor: Dana Quant\n"
        "logsource: {product: tapewatch}\nstatus: test\ndate: 2026-01-31\n"
        "description: Of a test.\ntypology: large_transfers\nfalsepositives: []\nreferences: []\n"
        "detection: {selection: {token.amount|gte: 100}, condition: selection}\n"
    )

    async def in_force() -> None:
        async with await Bus.connect(load_configuration(desk.path).bus, name="test") as bus:
            archive = await RuleArchive.open(bus.jetstream, bus.names.bucket("RULES"))
            await archive.put(read_rule_files([rules]))

    asyncio.run(in_force())
    told = alert(9, entities=("0xd",), rule="7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa")
    out = written(tmp_path / "elsewhere", msgspec.structs.replace(told, rule_author=()))
    name = desk.ok(*open_of(9), "--out", str(out)).split(":")[0]
    assert "dq wrote or last changed a rule" in desk.refused("assign", name, "dq")


def test_an_alert_that_only_elasticsearch_has_joins_as_well_whoever_may_not_look_at_files(
    desk: Desk, tmp_path: Path, elasticsearch: ElasticsearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = written(tmp_path / "sink", alert(9, entities=("0xe",)))
    namespace = f"case-{uuid.uuid4().hex[:8]}"
    held = yaml.safe_load(desk.path.read_text())
    elastic = {"type": "elasticsearch", "urls": [elasticsearch.url], "namespace": namespace}
    held["sinks"] = [
        {"name": "files", "type": "file", "path": str(ours)},
        {"name": "elastic"} | elastic,
    ]
    desk.path.write_text(yaml.safe_dump(held))
    stats = Path.stat

    def denied(self: Path, **named: Any) -> Any:
        if ours in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return stats(self, **named)

    monkeypatch.setattr(Path, "stat", denied)  # who runs this may be root
    nowhere = desk.refused(*open_of(8))
    assert "no alert alert-8 in the bus, files of sink (not asked: Permission denied), E" in nowhere
    found = msgspec.json.encode(nest(alert(8, after=120 * 10**9)))
    sink = ElasticsearchSink(
        name="elastic", urls=[SecretText(elasticsearch.url)], namespace=namespace
    )
    deliver(sink, documents("alerts", [found]))
    with elasticsearch.client(request_timeout=60) as client:
        client.indices.refresh(index=f"logs-tapewatch.*-{namespace}")
    assert "alice put 1 alert of Rule 1 into the case" in desk.ok(*open_of(8))


def test_what_our_own_sink_has_goes_before_a_folder_that_somebody_names(
    desk: Desk, tmp_path: Path
) -> None:
    """Else who names one has the alert say what suits them: of a low one one person decides."""
    ours = written(tmp_path / "sink", alert(8, entities=("0xe",)))
    held = yaml.safe_load(desk.path.read_text())
    held["sinks"] = [{"name": "files", "type": "file", "path": str(ours)}]
    desk.path.write_text(yaml.safe_dump(held))
    forged = alert(8, level="low", entities=("0xe",), author="Nobody", rule="another-rule")
    desk.ok(*open_of(8), "--out", str(written(tmp_path / "mine", forged)))
    (case,) = [one for one in desk.cases() if one["entities"] == ["0xe"]]
    assert (case["level"], case["four_eyes"]) == ("high", True)


def test_what_is_no_text_names_no_alert(desk: Desk) -> None:
    given = ("open", "--alert", "\udcff", "--why", "seen in Splunk")
    assert "no text in UTF-8" in desk.refused(*given, code=2)


def test_who_is_none_of_the_people_opens_no_case(desk: Desk, tmp_path: Path) -> None:
    out = written(tmp_path / "out", alert(8, entities=("0xe",)))
    given = (*open_of(8), "--out", str(out))
    assert "none of cases.people" in desk.refused(*given, who="mallory")
    assert len(desk.cases()) == 2


def test_who_wrote_the_rule_can_not_judge_the_case_that_was_opened(
    desk: Desk, tmp_path: Path
) -> None:
    out = written(tmp_path / "out", alert(8, level="low", entities=("0xe",)))
    desk.ok(*open_of(8), "--out", str(out), who="dq")
    name = desk.cases("--level", "low")[-1]["id"]
    reason = ("--resolution", "no-breach", "--why", "mine")
    assert "wrote or last changed" in desk.refused("close", name, *reason, who="dq")


def test_what_can_not_be_kept_as_it_is_is_refused_in_words(desk: Desk, tmp_path: Path) -> None:
    name = desk.cases()[0]["id"]
    long = "x" * (MOST_WRITTEN + 1)
    assert "put it into a file" in desk.refused("comment", name, long, code=2)
    assert "put it into a file" in desk.refused("reopen", name, "--why", long, code=2)
    assert "no text in UTF-8" in desk.refused("comment", name, "\udcff", code=2)
    result = CliRunner().invoke(
        app, ["case", "comment", name, "-", "--config", str(desk.path)], input=b"\xff\xfe"
    )
    assert (result.exit_code, "no text in UTF-8" in result.stderr) == (2, True)
    assert desk.cases()[0]["number"] == 1


def test_what_others_wrote_does_not_command_the_terminal(desk: Desk) -> None:
    """Else who proposes could draw over what is approved."""
    name = desk.cases()[0]["id"]
    desk.ok("assign", name, "alice", who="bob")
    reason = ("--resolution", "explained", "--why", "maker\x1b[2J\x1b[H")
    assert "\x1b" not in desk.ok("propose-closing", name, *reason)
    approved = desk.ok("approve", name, "--expect", "3", who="bob")
    assert "closed it as explained: maker\ufffd[2J\ufffd[H" in approved
    assert "there is no case \ufffd[2J" in desk.refused("show", "\x1b[2J")


def test_nothing_names_no_case(desk: Desk) -> None:
    for given in ("", " "):
        assert "an empty id names no case" in desk.refused("show", given, code=2)


def test_a_long_url_is_evidence_and_an_unreadable_file_is_told(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = desk.cases()[0]["id"]
    url = f"https://files.example/broker.pdf?signature={'a' * 400}"
    desk.ok("attach", name, url)
    letter = tmp_path / "letter.pdf"
    letter.write_text("confirmed")
    opens: Callable[..., Any] = Path.open

    def denied(self: Path, *given: Any, **named: Any) -> Any:
        if self == letter:
            raise PermissionError(13, "Permission denied")
        return opens(self, *given, **named)

    monkeypatch.setattr(Path, "open", denied)  # who runs this may be root
    assert "letter.pdf: Permission denied" in desk.refused("attach", name, str(letter))


def test_a_file_that_is_not_there_is_not_attached_by_its_name_alone(
    desk: Desk, tmp_path: Path
) -> None:
    """It would stay for good, without the SHA-256 by which it is evidence."""
    name = desk.cases()[0]["id"]
    (tmp_path / "statement.pdf").write_text("confirmed")
    slip = desk.refused("attach", name, str(tmp_path / "statment.pdf"), code=2)
    assert f"isn't there: did you mean {tmp_path / 'statement.pdf'}?" in slip
    for given in ("zzz.xlsx", "letters/2026", str(tmp_path)):
        assert "or for what lies elsewhere its URL" in desk.refused("attach", name, given, code=2)
    ids = ("INC-2026.12", "CASE-7", "kraken:BTC/USD:4711")
    for elsewhere in ("file://server/statement.pdf", "mail of 3 March", *ids):
        desk.ok("attach", name, elsewhere)


def test_who_escalates_by_hand_says_whom_to_tell(desk: Desk) -> None:
    name = desk.cases()[0]["id"]
    assert "nobody would be told: none is configured" in desk.refused(
        "escalate", name, "--why", "the press asks", code=2
    )


def test_of_a_low_case_one_person_decides_who_is_not_the_author(desk: Desk) -> None:
    name = desk.cases()[1]["id"]
    why = ("--resolution", "no-breach", "--why", "looked at it")
    assert "somebody else must judge them" in desk.refused("close", name, *why, who="dq")
    assert "dq wrote or last changed" in desk.refused("assign", name, "dq")
    assert "none of cases.people" in desk.refused("assign", name, "mallory")
    desk.ok("close", name, *why)
    assert "it is closed already" in desk.refused("close", name, *why)
    desk.ok("reopen", name, "--why", "new facts")
    assert desk.cases()[1]["status"] == "open"


def test_a_case_is_named_by_how_its_id_begins_where_that_is_clear(desk: Desk) -> None:
    ids = [one["id"] for one in desk.cases()]
    assert "may be TW-" in desk.refused("show", "TW-")
    assert "there is no case nope" in desk.refused("show", "nope")
    assert "there is no case *" in desk.refused("show", "*")
    for part in (ids[0][:9], ids[0].lower(), ids[0][:9].lower(), f" {ids[0]} "):
        assert msgspec.json.decode(desk.ok("show", part, "--json"))["case"]["id"] == ids[0]
    assert f"did you mean {ids[0]}?" in desk.refused("show", ids[0][:-1] + "O")
    assert f"did you mean {ids[0]}?" in desk.refused("comment", ids[0].removeprefix("TW-"), "x")


def test_what_was_done_reaches_the_audit_log_with_before_and_after(desk: Desk) -> None:
    name = desk.cases()[0]["id"]
    desk.ok("assign", name, "alice", "--why", "has the account", who="bob")

    async def messages() -> list[Any]:
        async with await Bus.connect(load_configuration(desk.path).bus, name="test") as bus:
            return [one async for one in (await CaseStore.open(bus)).messages(name)]

    *_, last = asyncio.run(messages())
    (entry,) = of_case(last)
    assert (entry.action, entry.what) == ("case-action", f"{name}: assigned")
    assert (entry.who, entry.why, entry.time) == ("bob (command)", "has the account", NOW)
    after = msgspec.json.decode(entry.after)  # type: ignore[arg-type]
    assert (after["assignee"], after["status"]) == ("alice", "open")


# -- the configuration -----------------------------------------------------------------------------

WINDOW = {
    "name": "w", "reason": "r", "owner": "o", "token": "x",
    "begin": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z",
}  # fmt: skip
KIBANA = {"url": "https://k.example", "api_key": "${file:key}"}
ENDLESS = {key: value for key, value in WINDOW.items() if key != "begin"}


@pytest.mark.parametrize(
    ("cases", "code"),
    [
        ({"people": [{"user": "a"}]}, "config/case-supervisor"),
        ({"people": PEOPLE, "assign": [{"to": ["alise"]}]}, "config/case-person"),
        ({"people": [*PEOPLE, PEOPLE[0]]}, "config/repeated-name"),
        ({"people": [*PEOPLE, {"user": "d", "also": ["dana  quant"]}]}, "config/repeated-name"),
        ({"people": [*PEOPLE, {"user": "d", "also": ["Alice", "D"]}]}, "config/repeated-name"),
        ({"people": [*PEOPLE, {"user": "Dana Quant"}]}, "config/repeated-name"),
        ({"suppress": [WINDOW | {"token": None}]}, "config/case-suppression"),
        ({"suppress": [WINDOW | {"begin": "2026-03-01T00:00:00Z"}]}, "config/case-suppression"),
        ({"suppress": [WINDOW | {"begin": "2025-01-01T00:00:00Z"}]}, "config/case-suppression"),
        ({"escalate": [{"step": "s", "after": "1h", "notify": ["duty"]}]},
         "config/case-notification"),
        ({"escalate": [{"step": "s", "after": "1h", "notify": ["hook"]}]},
         "config/case-notification"),
        ({"kibana": {"every": "5s"}, "people": PEOPLE}, "config/case-kibana"),
        ({"kibana": {"every": "5s"}, "four_eyes_from": "never"}, "config/case-kibana"),
        ({"suppress": [ENDLESS]}, "config/missing-key"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_told_with_its_place(
    tmp_path: Path, cases: dict[str, Any], code: str
) -> None:
    path = tmp_path / "pipeline.yaml"
    hook = {"name": "hook", "type": "webhook", "url": "https://h.example"}
    path.write_text(yaml.safe_dump(configuration(cases=cases, notifications=[hook])))
    with pytest.raises(ProblemsFound) as found:
        load_configuration(path)
    (problem,) = found.value.problems
    assert problem.code == code
    assert problem.location.line > 1


def test_two_must_close_it_by_people_who_are_known_here_and_in_kibana(tmp_path: Path) -> None:
    """Else one person, by two names, is two people."""
    path = tmp_path / "pipeline.yaml"
    given = configuration(cases={"kibana": {"every": "5s"}}, kibana=KIBANA)
    path.write_text(yaml.safe_dump(given))
    with pytest.raises(ProblemsFound) as found:
        load_configuration(path, resolve="later")
    assert [one.code for one in found.value.problems] == ["config/case-people"]
    given["cases"]["people"] = PEOPLE
    path.write_text(yaml.safe_dump(given))
    loaded = load_configuration(path, resolve="later").cases
    assert loaded is not None
    assert loaded.kibana is not None


def test_nobody_approves_without_saying_what_they_have_looked_at() -> None:
    """Else what is proposed could be another resolution by the time that it is approved."""
    answer = CliRunner().invoke(app, ["case", "approve", "TW-28DD"])
    assert answer.exit_code == 2
    assert "Missing option" in answer.output
