"""The recorded frames of 2021-04-17: every one decodes. They are read where they lie."""

from collections import Counter

from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.fixtures.shared_data import COINBASE, KRAKEN, recorded_frames


def decoded(name: str, protocol: str) -> Normalized:
    batch = FrameBatch("recorded", protocol, recorded_frames(name))
    return Normalizer(Reference()).normalize(1, batch)


def test_all_recorded_coinbase_frames_decode() -> None:
    result = decoded(COINBASE, "coinbase")
    assert not result.dead
    # 97 match and 10 last_match.
    assert Counter(type(event).__name__ for event in result.events) == {
        "BookSnapshot": 10,
        "BookUpdate": 9719,
        "Trade": 107,
    }
    assert result.ignored == {"subscriptions": 3, "ticker": 107}


def test_all_recorded_kraken_frames_decode() -> None:
    result = decoded(KRAKEN, "kraken-v1")
    assert not result.dead
    assert Counter(type(event).__name__ for event in result.events) == {
        "BookSnapshot": 10,
        "BookUpdate": 4269,
    }
    assert result.ignored == {"systemStatus": 1, "subscriptionStatus": 10, "heartbeat": 31}
