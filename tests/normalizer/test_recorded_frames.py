"""The recorded frames of 2021-04-17: every one decodes. They are read where they lie."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def decoded(name: str, protocol: str) -> Normalized:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"left out: the recording {name} is not in ../shared/data")
    frames: list[Frame] = []
    with gzip.open(path, "rt") as lines:
        for number, line in enumerate(lines):
            seconds, separator, text = line.strip().partition(": ")
            # What the client sent, and the endpoint, are marked by the address.
            if separator and not seconds.startswith("wss"):
                frames.append(Frame(str(number), int(float(seconds) * 1e9), text.encode()))
    return Normalizer(Reference()).normalize(1, FrameBatch("recorded", protocol, frames))


def test_all_recorded_coinbase_frames_decode() -> None:
    result = decoded("COINBASE.ws.28.0.gz", "coinbase")
    assert not result.dead
    # 97 match and 10 last_match.
    assert Counter(type(event).__name__ for event in result.events) == {
        "BookSnapshot": 10,
        "BookUpdate": 9719,
        "Trade": 107,
    }
    assert result.ignored == {"subscriptions": 3, "ticker": 107}


def test_all_recorded_kraken_frames_decode() -> None:
    result = decoded("KRAKEN.ws.50.0.gz", "kraken-v1")
    assert not result.dead
    assert Counter(type(event).__name__ for event in result.events) == {
        "BookSnapshot": 10,
        "BookUpdate": 4269,
    }
    assert result.ignored == {"systemStatus": 1, "subscriptionStatus": 10, "heartbeat": 31}
