"""What a timeline says of the chain's own currency, oracles, liquidity, pending transactions."""

from typing import Any

from evidence.sentences import sentence
from normalizer.events.chain import LiquidityAdded, LiquidityRemoved, NativeTransfer, OracleUpdate
from normalizer.events.pending import TransactionCancelled

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
COMMON: dict[str, Any] = {
    "id": "1",
    "timestamp": 1,
    "ingested": 1,
    "original": "",
    "provider": "chain",
    "chain_id": 1,
}


def test_the_chains_own_currency() -> None:
    event = NativeTransfer(
        **COMMON,
        block_number=1,
        source_address=ALICE,
        source_investor="INV-1",
        destination_address=BOB,
        value_raw="1500000000000000000",
        value=1.5,
    )
    said = f"{ALICE} (INV-1) gave 1.5 of the chain's own currency to {BOB}"
    assert sentence(event) == said


def test_an_answer_with_and_without_a_price() -> None:
    told: dict[str, Any] = {**COMMON, "block_number": 1, "feed": "ACME / USD", "updated": 1}
    event = OracleUpdate(**told, answer_raw="10125000000", price=101.25, currency="USD")
    assert sentence(event) == "the oracle ACME / USD answered 101.25 USD"
    unknown = OracleUpdate(**told, answer_raw="10125000000")
    assert sentence(unknown) == "the oracle ACME / USD answered 10125000000"


def test_liquidity_says_how_much_of_what_where_it_is_known() -> None:
    told: dict[str, Any] = {
        **COMMON,
        "block_number": 1,
        "venue": "uniswap-v2",
        "instrument": "ACME-USDC",
        "pool": BOB,
        "owner": BOB,
        "investor_address": ALICE,
        "investor_id": "INV-1",
    }
    added = LiquidityAdded(
        **told, token_quantity=5.0, quote_quantity=10.5, token_symbol="ACME", currency="USDC"
    )
    said = f"{ALICE} (INV-1) gave liquidity to the pool ACME-USDC: 5 ACME and 10.5 USDC"
    assert sentence(added) == said
    removed = LiquidityRemoved(**told)
    assert sentence(removed) == f"{ALICE} (INV-1) took liquidity out of the pool ACME-USDC"


def test_a_pending_transaction() -> None:
    event = TransactionCancelled(
        **COMMON,
        transaction_hash="0x1",
        transaction_nonce=7,
        transaction_from=ALICE,
        transaction_method="transfer",
        value_raw="0",
        value=0.0,
        first_seen=1,
        pending_seconds=3.0,
        by_hash="0x2",
        amount=5.0,
        token_symbol="ACME",
        destination_address=BOB,
    )
    said = f"transaction cancelled of transfer, 5 ACME to {BOB}, signed by {ALICE}"
    assert sentence(event) == said
