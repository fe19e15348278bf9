"""Frames that Coinbase and Kraken sent in 2021, through the whole product."""

from collections import Counter
from pathlib import Path

from tests.end_to_end.pipeline_run import Installation
from tests.fixtures.shared_data import COINBASE, KRAKEN, shared_data


def test_recorded_frames_of_coinbase_and_kraken_become_events(tmp_path: Path) -> None:
    installation = Installation(
        tmp_path,
        sources=[
            {
                "name": "coinbase",
                "type": "replay",
                "path": str(shared_data(COINBASE)),
                "protocol": "coinbase",
                "venue": "coinbase",
            },
            {
                "name": "kraken",
                "type": "replay",
                "path": str(shared_data(KRAKEN)),
                "protocol": "kraken-v1",
                "venue": "kraken",
            },
        ],
        reference=[],
    )
    with installation.running("--until-done") as run:
        assert run.wait() == 0, run.tail()

    events = Counter(
        (e["market"]["venue"], e["event"]["action"]) for e in installation.documents("events")
    )
    assert events == {
        ("coinbase", "book-snapshot"): 10,
        ("coinbase", "book-update"): 9_719,
        ("coinbase", "trade"): 97 + 10,  # matches, and the last one of each product on subscribing
        ("kraken", "book-snapshot"): 10,
        ("kraken", "book-update"): 4_269,
    }
