"""The same reference data gives the same events and alerts, from a file or through the stream."""

import subprocess
from pathlib import Path
from typing import Any

from tests.end_to_end.pipeline_run import RECORDED, Installation


def run(folder: Path, **changes: Any) -> Installation:
    folder.mkdir()
    installation = Installation(folder, **changes)
    finished: subprocess.CompletedProcess[str] = installation.run(
        "run", "--until-done", timeout=180
    )
    assert finished.returncode == 0, finished.stderr
    return installation


def without_places(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events but for where in RAW their frames lie, and those of reference data."""
    kept = [
        document
        for document in documents
        if not document["event"]["provider"].startswith("reference:")
    ]
    for document in kept:
        document["event"].pop("original", None)
    return sorted(kept, key=lambda one: one["event"]["id"])


def told(documents: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Alerts by their ids, which are of the rule and of all events, and what they say."""
    return sorted((one["event"]["id"], one["message"]) for one in documents)


def test_reference_data_from_the_stream_enriches_as_that_of_files(tmp_path: Path) -> None:
    by_file = run(tmp_path / "file")
    recording = by_file.configuration["sources"][0]
    stream = {
        "name": "golden", "type": "reference_file", "path": str(RECORDED / "reference.yaml"),
    }  # fmt: skip
    by_stream = run(tmp_path / "stream", reference=[], sources=[recording, stream])

    events = by_file.documents("events")
    assert len(events) > 500
    assert without_places(by_stream.documents("events")) == without_places(events)
    alerts = by_file.documents("alerts")
    assert alerts
    assert told(by_stream.documents("alerts")) == told(alerts)
    (refreshed,) = [
        one
        for one in by_stream.documents("events")
        if one["event"]["action"] == "reference-refreshed"
    ]
    assert refreshed["event"]["provider"] == "reference:golden"
