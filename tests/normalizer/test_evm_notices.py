"""What a collector says of a chain becomes events: where it was reorganised, what is final."""

import msgspec
import pytest

from normalizer.events import ChainFinality, ChainReorganised, Record
from normalizer.events.ecs import nest, parse
from normalizer.normalize import Normalized, Normalizer, encode_event
from normalizer.reference import Reference
from pipeline.chain_notices import BlockPlace, FinalityNotice, ReorganisationNotice
from pipeline.frames import Frame, FrameBatch, FrameKind

SECOND = 10**9
RECEIVED = 1_700_000_100 * SECOND


def block(number: int, branch: str = "a") -> BlockPlace:
    return BlockPlace(number, "0x" + f"{branch}{number}".rjust(64, "0"))


def notice(**changes: object) -> ReorganisationNotice:
    told = ReorganisationNotice(
        chain_id=137,
        network="polygon",
        common=block(6),
        depth_known=True,
        orphaned=[block(number).hash for number in (7, 8, 9)],
        old=block(9),
        new=block(9, "b"),
        timestamp=1_700_000_000,
    )
    return msgspec.structs.replace(told, **changes)


def normalized(
    told: msgspec.Struct, kind: FrameKind, position: str = "6:0x06:told:1"
) -> Normalized:
    frame = Frame(position, RECEIVED, msgspec.json.encode(told), kind)
    return Normalizer(Reference()).normalize(5, FrameBatch("node", "evm", [frame]))


def event(told: msgspec.Struct, kind: FrameKind) -> Record:
    (found,) = normalized(told, kind).events
    return found


def test_a_reorganisation_says_what_was_orphaned():
    found = event(notice(), "reorganisation")
    assert isinstance(found, ChainReorganised)
    assert (found.chain_id, found.network, found.provider) == (137, "polygon", "node")
    assert (found.common_number, found.common_hash) == (6, block(6).hash)
    assert (found.depth, found.depth_known) == (3, True)
    assert found.orphaned == tuple(block(number).hash for number in (7, 8, 9))
    assert (found.old_number, found.new_number) == (9, 9)
    assert found.new_hash == block(9, "b").hash
    assert set(found.orphaned) < set(found.related_hash)
    assert found.id == "node:6:0x06:told:1"
    assert found.original == "RAW/5/0"
    assert "3 blocks were orphaned" in (found.reason or "")


def test_its_time_is_that_of_the_last_common_block():
    assert event(notice(), "reorganisation").timestamp == 1_700_000_000 * SECOND


def test_a_fork_at_the_first_block_whose_time_is_0_has_the_time_of_receipt():
    found = event(notice(common=block(0), timestamp=0), "reorganisation")
    assert found.timestamp == RECEIVED


def test_an_unknown_depth_is_told():
    found = event(notice(depth_known=False, orphaned=[]), "reorganisation")
    assert isinstance(found, ChainReorganised)
    assert not found.depth_known
    assert "deeper than could be seen" in (found.reason or "")


def test_finality_says_how_far_the_chain_is_safe_and_finalized():
    told = FinalityNotice(
        chain_id=137,
        network="polygon",
        safe=block(50),
        finalized=block(20),
        newest=block(80),
        timestamp=1_700_000_000,
    )
    found = event(told, "finality")
    assert isinstance(found, ChainFinality)
    assert (found.safe_number, found.finalized_number) == (50, 20)
    assert (found.safe_hash, found.finalized_hash) == (block(50).hash, block(20).hash)
    assert found.timestamp == 1_700_000_000 * SECOND
    without = event(msgspec.structs.replace(told, safe=None), "finality")
    assert isinstance(without, ChainFinality)
    assert (without.safe_number, without.finalized_number) == (None, 20)


@pytest.mark.parametrize("told", [notice(), notice(depth_known=False, orphaned=[])])
def test_it_comes_back_from_the_bus_and_from_a_sink_as_it_was(told: ReorganisationNotice):
    found = event(told, "reorganisation")
    assert msgspec.json.decode(encode_event(found), type=Record) == found
    assert parse(nest(found)) == found


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"common": block(9)}, "common.number"),
        ({"common": block(-2)}, "common.number"),
        ({"common": BlockPlace(6, "0x06")}, "common.hash"),
        ({"orphaned": ["none"]}, "orphaned"),
        ({"orphaned": [block(number).hash for number in range(4)]}, "orphaned"),
        ({"orphaned": [block(7).hash] * 2}, "orphaned"),
        ({"new": BlockPlace(-1, block(9).hash)}, "new.number"),
        ({"new": BlockPlace(1 << 63, block(9).hash)}, "new.number"),
        ({"old": BlockPlace(1 << 63, block(9).hash)}, "old.number"),
        (
            {
                "old": BlockPlace(200_000, block(9).hash),
                "orphaned": [f"0x{number:064x}" for number in range(100_001)],
            },
            "orphaned",
        ),
        ({"chain_id": -1}, "chain_id"),
        ({"timestamp": 5}, "timestamp"),
    ],
)
def test_what_can_not_be_is_a_dead_letter(changes: dict[str, object], field: str):
    found = normalized(notice(**changes), "reorganisation")
    assert not found.events
    (letter,) = found.dead
    assert letter.field == field


def test_a_frame_of_another_form_is_a_dead_letter():
    for kind in ("reorganisation", "finality"):
        found = normalized(block(1), kind)
        assert (len(found.events), len(found.dead)) == (0, 1)
