"""Pending transactions: what can be read of a call that nobody has carried out yet."""

from typing import Any

import msgspec
import pytest

from normalizer.events.market import FeedGap
from normalizer.events.pending import (
    PendingEvent,
    TransactionCancelled,
    TransactionDropped,
    TransactionIncluded,
    TransactionPending,
    TransactionReplaced,
)
from normalizer.normalize import Normalized, Normalizer
from normalizer.signatures import KNOWN_FUNCTIONS
from pipeline.frames import Frame, FrameBatch, GapNotice
from pipeline.pending_payload import PendingBlock, PendingNotice, encode_pending
from tests.normalizer import blocks as b

FIRST = b.RECEIVED - 3 * 10**9
ROUTER = "0x" + "e5" * 20


def pending(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        **b.transaction(number),
        "nonce": "0x7",
        "type": "0x2",
        "gas": "0x5208",
        "value": "0x0",
        "maxFeePerGas": "0x4a817c800",
        "maxPriorityFeePerGas": "0x3b9aca00",
        "blockNumber": None,
        "transactionIndex": None,
        **more,
    }


def raw(transaction: dict[str, Any] | None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(transaction))


def normalized(transaction: dict[str, Any], what: str = "seen", **more: Any) -> Normalized:
    by = more.pop("by", None)
    notice = PendingNotice(
        what=what,  # type: ignore[arg-type]
        chain_id=b.CHAIN,
        network="anvil",
        first_seen=more.pop("first_seen", FIRST),
        transaction=raw(transaction),
        by=raw(by),
        **more,
    )
    frame = Frame("1", b.RECEIVED, encode_pending(notice))
    batch = FrameBatch("chain-pending", "evm-pending", [frame])
    return Normalizer(b.REFERENCE).normalize(7, batch)


def event(transaction: dict[str, Any], what: str = "seen", **more: Any) -> Any:
    result = normalized(transaction, what, **more)
    assert not result.dead, result.dead
    (found,) = result.events
    assert isinstance(found, PendingEvent)
    return found


def transfer(to: str, amount: int, **more: Any) -> dict[str, Any]:
    return pending(input=b.call("transfer", to, amount), **more)


def test_a_pending_transfer_has_token_ends_amount_and_fees() -> None:
    seen = event(transfer(b.CAROL, 3 * 10**18))
    assert isinstance(seen, TransactionPending)
    assert (seen.token_id, seen.token_symbol, seen.contract) == ("acme", "ACME", b.TOKEN)
    assert (seen.transaction_method, seen.transaction_nonce, seen.transaction_type) == (
        "transfer",
        7,
        2,
    )
    assert (seen.source_address, seen.source_investor) == (b.ALICE, "INV-0001")
    assert (seen.destination_address, seen.amount_raw, seen.amount) == (b.CAROL, str(3 * 10**18), 3)
    assert seen.destination_labels == ("sanctioned", "sanctioned:OFAC-SDN")
    assert (seen.max_fee_raw, seen.priority_fee_raw) == ("20000000000", "1000000000")
    assert (seen.finality, seen.timestamp, seen.first_seen) == ("pending", b.RECEIVED, FIRST)
    assert seen.id == f"{b.CHAIN}:{b.transaction_hash(1)}:pending"


def test_an_old_transaction_pays_its_gas_price() -> None:
    seen = event(pending(type="0x0", gasPrice="0x5", maxFeePerGas=None, maxPriorityFeePerGas=None))
    assert (seen.max_fee_raw, seen.priority_fee_raw) == ("5", None)


def test_a_batch_names_no_amount() -> None:
    data = b.call("batchTransfer", [b.BOB, b.CAROL], [1, 2])
    seen = event(pending(input=data))
    assert (seen.token_id, seen.amount_raw, seen.tags) == ("acme", None, ("batch",))


@pytest.mark.parametrize(
    ("method", "given", "received", "side", "amount"),
    [
        ("exactInputSingle", b.TOKEN, b.QUOTE, "sell", "9"),
        ("exactInputSingle", b.QUOTE, b.TOKEN, "buy", None),
        ("exactOutputSingle", b.TOKEN, b.QUOTE, "sell", None),
        ("exactOutputSingle", b.QUOTE, b.TOKEN, "buy", "9"),
    ],
)
def test_a_swap_by_a_router_has_a_side_and_the_amount_that_is_exact(
    method: str, given: str, received: str, side: str, amount: str | None
) -> None:
    data = b.call(method, (given, received, 3000, b.BOB, 1, 9, 8, 0))
    for call in (data, b.call("multicall", [bytes.fromhex(data[2:])])):
        seen = event(pending(to=ROUTER, input=call))
        assert (seen.token_id, seen.contract, seen.side) == ("acme", b.TOKEN, side)
        assert seen.amount_raw == amount
        assert seen.destination_address == (b.BOB if side == "buy" else None)


@pytest.mark.parametrize(
    ("method", "amounts", "sold", "amount"),
    [
        ("swapExactTokensForTokens", (9, 8), True, "9"),
        ("swapExactTokensForETH", (9, 8), True, "9"),
        ("swapTokensForExactTokens", (9, 8), True, None),
        ("swapTokensForExactTokens", (9, 8), False, "9"),
        ("swapETHForExactTokens", (9,), False, "9"),
        ("swapExactETHForTokens", (9,), False, None),
    ],
)
def test_a_swap_by_the_router_of_uniswap_v2_is_read_by_the_ends_of_its_path(
    method: str, amounts: tuple[int, ...], sold: bool, amount: str | None
) -> None:
    path = [b.TOKEN, "0x" + "77" * 20, b.QUOTE]
    seen = event(
        pending(to=ROUTER, input=b.call(method, *amounts, path if sold else path[::-1], b.BOB, 1))
    )
    assert (seen.contract, seen.side, seen.amount_raw) == (
        b.TOKEN,
        "sell" if sold else "buy",
        amount,
    )
    assert seen.transaction_method == method
    alone = b.call(method, *amounts, [b.TOKEN], b.BOB, 1)
    assert event(pending(to=ROUTER, input=alone)).side is None


def test_a_call_that_only_names_a_watched_contract_is_about_it() -> None:
    seen = event(pending(to=ROUTER, input="0x12345678" + b.POOL[2:].rjust(64, "0")))
    assert (seen.token_id, seen.contract, seen.transaction_method) == ("acme", b.POOL, "0x12345678")
    assert event(pending(to=ROUTER, input="0x12345678" + "0" * 63)).token_id is None


def test_a_replacement_says_what_is_other_in_it() -> None:
    by = transfer(b.BOB, 5, number=2, maxFeePerGas="0x4a817c801")
    replaced = event(transfer(b.CAROL, 5), "replaced", by=by)
    assert isinstance(replaced, TransactionReplaced)
    assert replaced.changes == ("fee", "input", "destination")
    assert (replaced.by_hash, replaced.by_destination) == (b.transaction_hash(2), b.BOB)
    assert (replaced.by_amount_raw, replaced.pending_seconds) == ("5", 3.0)
    assert (replaced.transaction_hash, replaced.destination_address) == (
        b.transaction_hash(1),
        b.CAROL,
    )
    assert replaced.related_hash == (b.transaction_hash(1), b.transaction_hash(2))


def test_a_cancellation_is_an_empty_one_to_oneself() -> None:
    empty = pending(2, to=b.ALICE, maxFeePerGas="0x4a817c801")
    cancelled = event(transfer(b.CAROL, 5), "replaced", by=empty)
    assert isinstance(cancelled, TransactionCancelled)
    assert (cancelled.by_hash, cancelled.amount_raw) == (b.transaction_hash(2), "5")
    for other in ({"value": "0x1"}, {"input": "0x00"}, {"to": b.BOB}):
        assert isinstance(
            event(transfer(b.CAROL, 5), "replaced", by=empty | other), TransactionReplaced
        )


def test_where_only_a_block_shows_what_took_its_place_the_block_is_named() -> None:
    block = PendingBlock(17, b.BLOCK_HASH, b.SECONDS)
    replaced = event(transfer(b.CAROL, 5), "replaced", by=pending(2, to=b.ALICE), block=block)
    assert replaced.by_block_number == 17


def test_a_block_has_it_at_a_place_after_a_time() -> None:
    block = PendingBlock(17, b.BLOCK_HASH, b.SECONDS)
    included = event(transfer(b.BOB, 1), "included", block=block, index=4, transactions=9)
    assert isinstance(included, TransactionIncluded)
    assert (included.block_number, included.transaction_index, included.block_transactions) == (
        17,
        4,
        9,
    )
    assert (included.pending_seconds, included.finality) == (3.0, "latest")


def test_dropped_and_pending_again() -> None:
    assert isinstance(event(transfer(b.BOB, 1), "dropped"), TransactionDropped)
    again = event(transfer(b.BOB, 1), again=True)
    assert again.reason == "the block that had it left the chain"
    assert again.id != event(transfer(b.BOB, 1)).id


@pytest.mark.parametrize(
    ("transaction", "more", "field"),
    [
        (pending(nonce="7"), {}, "transaction.nonce"),
        (pending(nonce="0x" + "f" * 16), {}, "transaction.nonce"),
        (pending(value="0x" + "f" * 65), {}, "transaction.value"),
        (pending(maxFeePerGas="much"), {}, "transaction.maxFeePerGas"),
        (pending(hash="0x12"), {}, "transaction.hash"),
        (pending(), {"first_seen": b.RECEIVED + 1}, "first_seen"),
        (pending(), {"what": "included"}, "block"),
        (pending(), {"what": "replaced"}, "by"),
        (pending(), {"what": "replaced", "by": pending(2, nonce=None)}, "by.nonce"),
    ],
)
def test_what_can_not_be_read_is_a_dead_letter(
    transaction: dict[str, Any], more: dict[str, Any], field: str
) -> None:
    (letter,) = normalized(transaction, **more).dead
    assert letter.field == field


def test_a_gap_is_told() -> None:
    notice = GapNotice(instrument="*", reason="200 were not followed")
    frame = Frame("1:gap", b.RECEIVED, msgspec.json.encode(notice), kind="gap")
    batch = FrameBatch("chain-pending", "evm-pending", [frame])
    (gap,) = Normalizer(b.REFERENCE).normalize(7, batch).events
    assert isinstance(gap, FeedGap)
    assert gap.reason == "200 were not followed"


def test_both_router_functions_are_known() -> None:
    names = {abi.name for abi in KNOWN_FUNCTIONS.values()}
    assert {"exactInputSingle", "exactOutputSingle", "multicall"} <= names
