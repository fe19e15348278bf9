"""`tapewatch market TW-...`: all alerts of a case, and those that are gone."""

import json
from pathlib import Path

import msgspec
import pytest

from normalizer.events.ecs import nest
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
