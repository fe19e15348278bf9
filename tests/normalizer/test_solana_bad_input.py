"""What is bad in a frame of Solana becomes a dead letter with its place, and nothing else does."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.decoders.solana_base58 import decode, encode
from normalizer.decoders.solana_layouts import TooShort
from normalizer.decoders.solana_mint import read_mint
from normalizer.decoders.solana_token_instructions import (
    TOKEN_2022,
    batched,
    read_token_instruction,
)
from normalizer.decoders.solana_wire import MintData
from normalizer.decoders.unreadable import Unreadable
from normalizer.events.chain import Block, TokenTransfer
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from tests.normalizer.solana_frames import ALICE, BOB, Issue, frame, normalized, payload
from tests.servers.solana_ledger import SolanaLedger

RECEIVED = 1_790_000_100 * 10**9


def content() -> dict[str, Any]:
    """A block with two transfers."""
    ledger = SolanaLedger()
    issue = Issue(ledger)
    issue.create()
    issue.open(ALICE, BOB)
    issue.give(ALICE, 1_000_000)
    ledger.produce()
    for amount in (5, 6):
        pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), amount)
        issue.run(pay, signers=[ALICE])
    return payload(ledger, ledger.produce(), issue.address)


GOOD = content()


def changed(change: Any) -> dict[str, Any]:
    """A copy of the good block with a change made to it."""
    copy = json.loads(json.dumps(GOOD))
    change(copy)
    return copy


def instruction(block: dict[str, Any]) -> dict[str, Any]:
    return block["transactions"][0]["content"]["transaction"]["message"]["instructions"][0]


def test_the_good_block_is_good() -> None:
    found = normalized(GOOD)
    assert [type(event) for event in found.events] == [Block, TokenTransfer, TokenTransfer]
    assert found.dead == []


@pytest.mark.parametrize(
    ("field", "change"),
    [
        (
            "transactions[0].instruction 0",
            lambda block: instruction(block).update(programIdIndex=200),
        ),
        ("transactions[0].instruction 0", lambda block: instruction(block).update(data="g6")),
        (
            "transactions[0].transaction.message.accountKeys",
            lambda block: block["transactions"][0]["content"]["transaction"]["message"][
                "accountKeys"
            ].__setitem__(0, "O0Il"),
        ),
        (
            "transactions[0].transaction.signatures[0]",
            lambda block: block["transactions"][0]["content"]["transaction"][
                "signatures"
            ].__setitem__(0, "abc"),
        ),
        ("transactions[0]", lambda block: block["transactions"][0]["content"].pop("meta")),
    ],
)
def test_a_bad_transaction_spoils_no_other(field: str, change: Any) -> None:
    found = normalized(changed(change))
    assert [type(event) for event in found.events] == [Block, TokenTransfer]
    (letter,) = found.dead
    assert letter.field == field
    assert letter.protocol == "solana"
    assert letter.reason
    # What is in the letter is a block with that transaction only, and fails the same way.
    again = Frame(letter.position, letter.received, letter.payload)
    repeated = Normalizer(Reference()).normalize(1, FrameBatch("solana", "solana", [again]))
    assert [one.reason for one in repeated.dead] == [letter.reason]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("block.blockhash", lambda block: block["block"].update(blockhash="abc")),
        ("blockhash", lambda block: block["block"].pop("blockhash")),
        ("chain", lambda block: block.update(chain="mainnet")),
        ("block.blockTime", lambda block: block["block"].update(blockTime=4_000_000_000)),
        ("slot", lambda block: block.update(slot=-1)),
    ],
)
def test_a_bad_block_is_one_dead_letter(field: str, change: Any) -> None:
    bad = changed(change)
    bad_frame = Frame("1:x", RECEIVED, msgspec.json.encode(bad))
    found = Normalizer(Reference()).normalize(1, FrameBatch("solana", "solana", [bad_frame]))
    assert found.events == []
    (letter,) = found.dead
    assert field in (letter.field or letter.reason)


@pytest.mark.parametrize("text", ["!", "\x80", "AAA"])
def test_a_mint_whose_account_is_bad_is_a_dead_letter_and_its_transfers_go_on(
    text: str,
) -> None:
    found = normalized(
        changed(lambda block: block["mints"][0]["account"].update(data=[text, "base64"]))
    )
    assert [type(event) for event in found.events] == [Block, TokenTransfer, TokenTransfer]
    assert [letter.field for letter in found.dead] == ["mints[0].account.data"]


def test_a_block_without_a_time_of_its_own_has_that_of_its_receipt() -> None:
    found = normalized(GOOD)
    late = frame(GOOD)
    blank = changed(lambda block: block["block"].update(blockTime=None))
    batch = FrameBatch(
        "solana", "solana", [Frame(late.position, late.received, msgspec.json.encode(blank))]
    )
    events = Normalizer(Reference()).normalize(1, batch).events
    assert len(events) == len(found.events)
    assert {event.timestamp for event in events} == {late.received}


@given(st.binary(max_size=300))
def test_base58_goes_there_and_back(data: bytes) -> None:
    assert decode(encode(data)) == data


@given(st.text(max_size=100))
def test_any_text_is_base58_or_refused(text: str) -> None:
    try:
        data = decode(text)
    except Unreadable:
        return
    assert encode(data) == text


@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(st.integers(0, 50), st.binary(max_size=120)).map(
            lambda pair: bytes([pair[0]]) + pair[1]
        ),
    ),
    st.integers(0, 12),
)
def test_any_bytes_are_an_instruction_or_none_or_too_short(data: bytes, accounts: int) -> None:
    try:
        found = read_token_instruction(data, [str(number) for number in range(accounts)])
        batched(data, [str(number) for number in range(accounts)])
    except TooShort:
        return
    if found is not None:
        assert len(found.accounts) == len(found.layout.roles)
        msgspec.json.encode(found.values)


@given(st.binary(max_size=800))
def test_any_bytes_are_a_mint_or_none(data: bytes) -> None:
    state = read_mint(MintData(TOKEN_2022, data))
    assert state is None or 0 <= state.decimals <= 255


@given(
    st.binary(max_size=400).map(lambda tail: bytes(44) + b"\6\1" + bytes(36 + 83) + b"\1" + tail)
)
def test_any_extensions_are_read_or_none(data: bytes) -> None:
    read_mint(MintData(TOKEN_2022, data))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        for name, item in value.items():
            found += _paths(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _paths(item, (*path, number))
    return found


PATHS = [path for path in _paths(GOOD) if path]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.text(max_size=50),
    st.lists(st.integers(0, 300), max_size=4),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(PATHS), JUNK), min_size=1, max_size=3))
def test_no_change_of_a_block_breaks_the_decoder(
    changes: list[tuple[tuple[Any, ...], Any]],
) -> None:
    copy = json.loads(json.dumps(GOOD))
    for path, junk in changes:
        place = copy
        try:
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = junk
        except (KeyError, IndexError, TypeError):
            continue
    bad = Frame("1:x", RECEIVED, json.dumps(copy).encode())
    found = Normalizer(Reference()).normalize(1, FrameBatch("solana", "solana", [bad]))
    assert not [one.reason for one in found.dead if "decoder failed" in one.reason]


@given(st.binary(max_size=300))
def test_any_payload_is_an_event_or_a_dead_letter(data: bytes) -> None:
    bad = Frame("1:x", RECEIVED, data)
    found = Normalizer(Reference()).normalize(1, FrameBatch("solana", "solana", [bad]))
    assert len(found.dead) == 1
    assert "decoder failed" not in found.dead[0].reason
