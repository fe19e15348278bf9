"""The same investigation out of Splunk's search as out of files; a hole in it is no timeline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detections.market_replay.extent import Extent
from evidence.investigation.archive import FolderArchive
from evidence.investigation.case_file import case_in
from evidence.investigation.gather import Gathered, gather, gather_parties
from evidence.investigation.splunk_archive import SplunkArchive, SplunkConnection
from normalizer.events import Alert, AlertUpdate
from normalizer.events.ecs import nest
from pipeline.cli.market_inputs import holdings_of
from pipeline.cli.market_scenes import drawn
from pipeline.failure import Failure
from pipeline.secrets import SecretText
from pipeline.units import HOUR, SECOND
from tests.cli.command_line import tapewatch
from tests.demo.invented_alerts import T0
from tests.evidence.investigation.recorded_case import CASE, placed, write
from tests.evidence.investigation.test_case import case_file
from tests.servers.splunk_search import TOKEN, SplunkSearchHead

#: What SPL would take for more than a name, and what is an end of a line elsewhere.
EVIL = 'a" OR index=* | delete \\ \u2028'
RECORDS = [*CASE, placed("evil", T0, EVIL)]


@pytest.fixture(scope="module")
def search_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SplunkSearchHead]:
    documents = [
        (
            "tapewatch_alerts" if isinstance(one, Alert | AlertUpdate) else "tapewatch",
            msgspec.json.decode(msgspec.json.encode(nest(one))),
        )
        for one in (*RECORDS, *(activity for activity, _ in case_file().activities))
    ]
    twice = [*documents, documents[0], documents[-1]]  # as after a crash: HEC has no ids
    with SplunkSearchHead(tmp_path_factory.mktemp("splunk"), twice) as running:
        yield running


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLUNK_TOKEN", TOKEN)
    monkeypatch.setattr("evidence.investigation.splunk_archive.time.sleep", lambda _: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]


def archive(search_head: SplunkSearchHead, **more: Any) -> SplunkArchive:
    fields: dict[str, Any] = {
        "url": SecretText(search_head.url),
        "token": SecretText("${env:SPLUNK_TOKEN}"),
        "ca_certificate": search_head.ca_certificate,
        "timeout": 10 * SECOND,
    }
    return SplunkArchive(SplunkConnection(**(fields | more)))


def gathered(search_head: SplunkSearchHead, *also: str, **more: Any) -> Gathered:
    return gather(archive(search_head, **more), "abc", window=HOUR, also=also)


@pytest.mark.parametrize("also", [(), (EVIL,)], ids=["as-it-is", "with-a-name-like-spl"])
def test_the_same_out_of_splunk(
    search_head: SplunkSearchHead, also: tuple[str, ...], tmp_path: Path
) -> None:
    here = gather(FolderArchive(write(tmp_path / "out", RECORDS)), "abc", window=HOUR, also=also)
    there = gathered(search_head, *also)
    assert [line.id for line in there.lines] == [line.id for line in here.lines]
    assert there.complete
    assert ("evil" in {line.id for line in there.lines}) is bool(also)


@pytest.mark.parametrize("party", ["acct-honest", EVIL])
def test_a_party_out_of_splunk(search_head: SplunkSearchHead, party: str, tmp_path: Path) -> None:
    there, here = (
        gather_parties(one, [party], since=T0 - HOUR, until=T0 + HOUR)
        for one in (archive(search_head), FolderArchive(write(tmp_path / "out", RECORDS)))
    )
    assert [line.id for line in there.lines] == [line.id for line in here.lines]
    assert there.complete
    assert there.lines


def test_the_market_around_an_alert_out_of_splunk(
    search_head: SplunkSearchHead, tmp_path: Path
) -> None:
    """Its newest events come first there, and one of them twice; what was long before isn't asked
    for."""
    out, config = write(tmp_path / "out", RECORDS), tmp_path / "pipeline.yaml"
    splunk = holdings_of(archive(search_head), None, config, None)
    ((alert,), _) = splunk.alerts("abc")
    (here,), _ = drawn([alert], holdings_of(FolderArchive(out), out, config, None), Extent())
    (there,), missing = drawn([alert], splunk, Extent())
    ids = [one.event_id for one in there.moments]
    # In the files one comes late, whose time is before what is shown.
    assert {one.event_id for one in here.moments} - set(ids) == {"gap"}
    assert set(ids) <= {one.event_id for one in here.moments}
    assert [one.time for one in there.moments] == sorted(one.time for one in there.moments)
    assert {"e2", "e3", "near", "honest"} <= set(ids)
    assert missing == []


def test_a_case_out_of_splunk(search_head: SplunkSearchHead) -> None:
    assert case_in(archive(search_head), "TW-0123456789AB") == case_file()
    with pytest.raises(Failure, match="has no case TW-0123: name its whole id"):
        case_in(archive(search_head), "TW-0123")


def test_many_names_are_asked_for_in_several_searches(
    search_head: SplunkSearchHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(search_head.searches)
    whole = gathered(search_head)
    once = len(search_head.searches) - before
    monkeypatch.setattr("evidence.investigation.splunk_archive._MOST_TERMS", 1)
    parts = gathered(search_head)
    assert len(search_head.searches) - before - once > once
    assert [line.id for line in parts.lines] == [line.id for line in whole.lines]


def test_a_server_that_is_busy_is_asked_again(search_head: SplunkSearchHead) -> None:
    search_head.answers = [503, 429, "preview", 502]
    assert gathered(search_head).complete
    search_head.answers = [503] * 5
    with pytest.raises(Failure, match="HTTP 503: Search not executed: the quota is exceeded"):
        gathered(search_head)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("cut", "the results end after 4 rows, before the last one"),
        ("drop", "the connection broke"),
        (("FATAL", "Unknown search command"), "FATAL: Unknown search command"),
        (("WARN", "Search results may be incomplete: a peer is down"), "may be incomplete"),
        (("INFO", "auto-finalized after the disk usage limit"), "auto-finalized"),
        (403, "HTTP 403: .*; its token must be one of a user who may search"),
        (302, "no redirect is followed"),
    ],
)
def test_a_hole_is_no_timeline(search_head: SplunkSearchHead, answer: Any, said: str) -> None:
    search_head.answers = [answer]
    with pytest.raises(Failure, match=said):
        gathered(search_head)
    search_head.answers = []


def test_what_it_only_tells_is_no_hole(search_head: SplunkSearchHead) -> None:
    search_head.answers = [("INFO", "Your timerange was substituted")]
    assert gathered(search_head).complete


def test_another_token_and_an_unknown_authority_are_refused(
    search_head: SplunkSearchHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure, match="certificate"):
        gathered(search_head, ca_certificate=None)
    monkeypatch.setenv("SPLUNK_TOKEN", "another-one")
    with pytest.raises(Failure, match="HTTP 401: call not properly authenticated") as refused:
        gathered(search_head)
    assert "another-one" not in str(refused.value)
    monkeypatch.setenv("SPLUNK_TOKEN", "no\nheader")
    with pytest.raises(Failure) as refused:
        gathered(search_head)
    assert "no\\nheader" not in str(refused.value)
    assert "characters that HTTP doesn't allow" in str(refused.value)


def test_by_the_command(search_head: SplunkSearchHead, tmp_path: Path) -> None:
    asked = ("timeline", "export", "abc", "--to", "case", "--splunk", search_head.url)
    authority = ("--splunk-ca", search_head.ca_certificate)
    said = tapewatch(*asked, *authority, folder=tmp_path)
    assert "lines, 2 alerts: case/timeline.html" in said.out, said
    assert TOKEN not in (tmp_path / "case" / "manifest.json").read_text()
