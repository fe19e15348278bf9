"""Whatever stands in frames of pending transactions and subgraphs, no decoder fails over it."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.normalize import Normalizer, encode_events
from pipeline.frames import Frame, FrameBatch
from pipeline.pending_payload import PendingBlock, PendingNotice, encode_pending
from pipeline.subgraph_payload import SubgraphBlock, SubgraphPayload, encode_subgraph
from tests.normalizer import blocks as b
from tests.normalizer.test_evm_pending import pending, raw
from tests.normalizer.test_subgraph import entity, exchange, swap


def _pending(what: str) -> Any:
    notice = PendingNotice(
        what=what,  # type: ignore[arg-type]
        chain_id=b.CHAIN,
        network="anvil",
        first_seen=b.RECEIVED,
        transaction=raw(pending(input=b.call("transfer", b.CAROL, 5))),
        by=raw(pending(2, to=b.ALICE)),
        block=PendingBlock(17, b.BLOCK_HASH, b.SECONDS),
        index=1,
        transactions=2,
    )
    return msgspec.json.decode(encode_pending(notice))


def _subgraph(schema: str, kind: str, one: dict[str, Any]) -> Any:
    payload = SubgraphPayload(
        chain_id=b.CHAIN,
        network="anvil",
        schema=schema,  # type: ignore[arg-type]
        deployment="Qm",
        after=10,
        block=SubgraphBlock(16, b.BLOCK_HASH, b.SECONDS),
        entities={kind: [msgspec.Raw(msgspec.json.encode(one))]},
    )
    return msgspec.json.decode(encode_subgraph(payload))


_POSITION = {"owner": b.BOB, "amount": "9", "tickLower": "-6", "tickUpper": "6", "sender": b.CAROL}
SOUND: list[tuple[str, Any]] = [
    *(("evm-pending", _pending(what)) for what in ("seen", "replaced", "included", "dropped")),
    ("subgraph", _subgraph("uniswap-v3", "swaps", swap())),
    ("subgraph", _subgraph("uniswap-v3", "mints", entity(**_POSITION))),
    ("subgraph", _subgraph("uniswap-v3", "burns", entity(**_POSITION))),
    ("subgraph", _subgraph("messari-dex", "swaps", exchange())),
]
HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["0x", "0x0", "-1", "1e400", "NaN", "Infinity", "0x" + "f" * 64, "9" * 200]),
    st.just([]),
    st.just({}),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items: Any = []
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@pytest.mark.parametrize(("protocol", "sound"), SOUND)
def test_sound_frames_become_events(protocol: str, sound: Any) -> None:
    result = _normalized(protocol, sound)
    assert not result.dead, result.dead
    assert len(result.events) == 1


@given(st.sampled_from(SOUND), st.data())
def test_any_value_in_any_place_becomes_an_event_a_letter_or_a_count(
    sample: tuple[str, Any], data: st.DataObject
) -> None:
    protocol, sound = sample
    frame = copy.deepcopy(sound)
    path = data.draw(st.sampled_from(_places(frame)))
    inner = frame
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(HOSTILE)
    result = _normalized(protocol, frame)
    for letter in result.dead:
        assert not letter.reason.startswith("the decoder failed"), letter.reason
    for line in encode_events(result.events).splitlines():
        msgspec.json.decode(line)


def _normalized(protocol: str, frame: Any) -> Any:
    payload = msgspec.json.encode(frame)
    batch = FrameBatch("s", protocol, [Frame("1", b.RECEIVED, payload)])
    return Normalizer(b.REFERENCE).normalize(1, batch)
