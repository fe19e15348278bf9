"""`tapewatch market TW-...`: all alerts of a case, and those that are gone."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from detections.market_replay.scene import Place
from evidence.investigation.archive import FolderArchive
from evidence.investigation.export import Parts, export
from evidence.investigation.gather import gather
from normalizer.events import Record
from normalizer.events.ecs import nest
from pipeline.cli.market_inputs import InFolder
from pipeline.cli.market_scenes import market_writer
from pipeline.failure import FAILED, Failure
from pipeline.units import HOUR
from tests.cli.command_line import Answer, tapewatch
from tests.evidence.investigation.recorded_case import AGAIN, ALERT, CASE, write
from tests.evidence.investigation.test_case import ID, case_file


def drawn(folder: Path, alerts: tuple[str, ...], *more: str) -> Answer:
    write(folder / "out", CASE)
    (folder / "out" / "cases").mkdir()
    lines = [msgspec.json.encode(nest(one)) + b"\n" for one, _ in case_file(alerts).activities]
    (folder / "out" / "cases" / "20261126T000000Z-00000001.ndjson").write_bytes(b"".join(lines))
    return tapewatch("market", ID, "--out", "out", "--to", "page.html", *more, folder=folder)


def test_all_alerts_of_a_case_are_on_its_page(tmp_path: Path) -> None:
    said = drawn(tmp_path, (AGAIN.id, ALERT.id), "--json")
    told = json.loads(said.out)
    assert told["alerts"] == [ALERT.id, AGAIN.id]  # in the order of time
    assert told["missing_alerts"] == []
    page = (tmp_path / "page.html").read_text()
    assert "<h1>2 alerts</h1>" in page
    assert "A rule: retracted" in page


@pytest.mark.parametrize("as_json", [False, True])
def test_alerts_of_a_case_that_are_gone_are_told(tmp_path: Path, as_json: bool) -> None:
    said = drawn(tmp_path, (ALERT.id, "gone"), *(("--json",) if as_json else ()))
    assert said.code == 1
    if as_json:
        assert json.loads(said.out)["missing_alerts"] == ["gone"]
    else:
        assert "1 alert of the case is missing" in said.out
    assert (tmp_path / "page.html").is_file()


def test_an_export_stands_also_where_its_market_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As out of Splunk, where there are more events of it than a computer holds."""

    class TooMuch(InFolder):
        def of_markets(self, places: Sequence[Place], since: int, until: int) -> Iterator[Record]:
            raise Failure("more than 1,000,000 events", FAILED)

    out = write(tmp_path / "out", CASE)
    archive = FolderArchive(out)
    held = TooMuch(archive, tmp_path / "pipeline.yaml", out)
    gathered = gather(archive, "abc", window=HOUR)
    export(gathered, Parts(), tmp_path / "made", writers=[market_writer(held)])
    assert (tmp_path / "made" / "timeline.html").is_file()
    assert not (tmp_path / "made" / "market.html").exists()
    said = "without a picture of the market: more than 1,000,000 events"
    assert said in capsys.readouterr().err


def test_an_alert_that_rests_on_nothing_has_no_market(tmp_path: Path) -> None:
    bare = msgspec.structs.replace(AGAIN, evidence_events=())
    write(tmp_path / "out", [*(one for one in CASE if one.id != AGAIN.id), bare])
    said = tapewatch("market", bare.id, "--out", "out", "--to", "page.html", folder=tmp_path)
    assert said.code == 1
    assert "it rests on no order, trade or swap, so there is no market to draw" in said.error
    assert not (tmp_path / "page.html").exists()
