"""Whatever comes in, nothing is raised, and every frame is an event, a dead letter or a count."""

import subprocess
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.decoders.coinbase_messages import Message as CoinbaseMessage
from normalizer.events import Record
from normalizer.normalize import MOST_DEAD_BYTES, Normalizer, encode_events
from pipeline.frames import Frame, FrameBatch
from tests.normalizer import blocks as b
from tests.normalizer import venue_frames as v
from tests.normalizer.test_coinbase import MATCH, OPEN
from tests.normalizer.test_evm_transfers import TRANSFER
from tests.normalizer.test_kraken import LEVELS, TRADE, message

PROTOCOLS = (
    *("evm", "coinbase", "kraken", "kraken-v1", "unheard"),
    *("order_log", "fix", "inx", "archax"),
)
KINDS = ("message", "snapshot", "gap")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
GOOD: list[tuple[str, Any]] = [
    ("coinbase", OPEN),
    ("coinbase", MATCH),
    ("coinbase", ["open", "ACME-USD", "1", "o", "buy", "10.5", "2", v.TIME]),
    ("kraken", message("book", "update", LEVELS)),
    ("kraken", message("trade", "update", TRADE)),
    ("kraken-v1", [1, {"a": [["1", "1", "1700000000.1"]], "c": "1"}, "book-10", "A/B"]),
    ("evm", msgspec.json.decode(b.frame(b.log(TRANSFER, b.ALICE, b.BOB, 1)).payload)),
]


def check(protocol: str, payload: bytes, kind: Any = "message") -> None:
    frame = Frame("1", v.RECEIVED, payload, kind, "ACME-USD")
    result = Normalizer(b.REFERENCE).normalize(1, FrameBatch("source", protocol, [frame]))
    assert result.events or result.dead or result.ignored
    for line in encode_events(result.events).splitlines():
        assert msgspec.json.decode(line, type=Record).original == "RAW/1/0"
    for letter in result.dead:
        assert letter.reason
        assert not letter.reason.startswith("the decoder failed")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(payload=st.binary(max_size=200), kind=st.sampled_from(KINDS))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_accounted_for(protocol: str, payload: bytes, kind: str) -> None:
    check(protocol, payload, kind)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(value=JSON, kind=st.sampled_from(KINDS))
@settings(max_examples=100, deadline=None)
def test_any_json_is_accounted_for(protocol: str, value: Any, kind: str) -> None:
    check(protocol, msgspec.json.encode(value), kind)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good message with one value in it replaced, anywhere."""
    protocol, value = draw(st.sampled_from(GOOD))
    value = msgspec.json.decode(msgspec.json.encode(value))
    at = value
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and draw(st.booleans()):
            at = at[key]
            continue
        at[key] = draw(JSON)
        return protocol, msgspec.json.encode(value)


@given(damaged())
@settings(max_examples=500, deadline=None)
def test_a_good_message_with_one_value_replaced_is_accounted_for(case: tuple[str, bytes]) -> None:
    check(*case)


NESTED = """
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch

deep = 200_000
payloads = (b"[" * deep, b'{"a":' * deep, b'{"type":"open","x":' + b"[" * deep + b"]" * deep)
for protocol in ("evm", "coinbase", "kraken", "kraken-v1"):
    for payload in payloads:
        batch = FrameBatch("source", protocol, [Frame("1", 1, payload)])
        (letter,) = Normalizer(Reference()).normalize(1, batch).dead
        print(protocol, letter.reason)
"""


def test_json_that_is_nested_without_end_is_a_dead_letter() -> None:
    # In a process like production's: Hypothesis raises the recursion limit of this one, and that
    # limit is what stands between nested JSON and the end of the C stack.
    done = subprocess.run(
        [sys.executable, "-c", NESTED], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 12


def test_one_bad_frame_does_not_touch_the_others() -> None:
    result = v.normalize("coinbase", OPEN, b"\x00", MATCH)
    assert [event.original for event in result.events] == ["RAW/7/0", "RAW/7/2"]
    assert [letter.original for letter in result.dead] == ["RAW/7/1"]


def test_an_unknown_protocol_is_a_dead_letter_per_frame() -> None:
    result = v.normalize("itch", OPEN, MATCH)
    assert [letter.field for letter in result.dead] == ["protocol", "protocol"]


def test_a_large_bad_frame_is_cut_in_its_dead_letter_and_lies_whole_in_raw() -> None:
    result = v.normalize("coinbase", b"{" + b" " * (MOST_DEAD_BYTES + 10))
    (letter,) = result.dead
    assert (len(letter.payload), letter.truncated) == (MOST_DEAD_BYTES, True)
    assert letter.original == "RAW/7/0"


def test_a_decoder_that_fails_by_a_defect_costs_its_frame_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from normalizer.decoders import coinbase

    class Broken:
        def decode(self, payload: bytes) -> CoinbaseMessage:
            raise ZeroDivisionError("a defect")

    monkeypatch.setattr(coinbase, "_message_decoder", Broken())
    result = v.normalize("coinbase", OPEN)
    assert result.dead[0].reason == "the decoder failed: ZeroDivisionError: a defect"
