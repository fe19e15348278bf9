"""Accounts of order logs: those that are addresses, and words that tables write for nobody."""

from pathlib import Path
from typing import Any

import pytest

from normalizer.enrichment import Enrichment
from normalizer.events import market
from normalizer.events.chain import ZERO_ADDRESS
from normalizer.normalize import Normalized
from normalizer.reference_files import load_reference
from pipeline.problems import ProblemsFound
from pipeline.trade_sides import LineContext, encode_context
from tests.normalizer import venue_frames as v

CHECKSUMMED = "0x52908400098527886E0F7030069857D2E4169EE7"
LOWER = CHECKSUMMED.lower()
UPPER = "0X" + CHECKSUMMED[2:].upper()
WORDS = [ZERO_ADDRESS, "0X" + "0" * 40, "None", "NaN", "nan", "null", "NULL", "<NA>", "\\N"]


def read(**line: Any) -> Normalized:
    common = {"transact_time": v.TIME, "symbol": "ACME-USD", "seq_num": 3}
    return v.normalize("order_log", common | line, context=encode_context(LineContext()))


def trade(buyer: str, seller: str) -> market.Trade:
    terms = {"exec_type": "trade", "trade_id": "9001", "last_px": 10.25, "last_qty": 100}
    event = v.only(read(**terms, buyer_account=buyer, seller_account=seller))
    assert isinstance(event, market.Trade)
    return event


def placed(account: str) -> str | None:
    terms = {"exec_type": "new", "order_id": "41", "side": "sell", "price": 10, "order_qty": 3}
    return v.only(read(**terms, account=account)).investor_account


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_tables_write_for_nothing_is_nobody(word: str) -> None:
    event = trade(word, "A-7")
    assert (event.buyer_account, event.seller_account) == (None, "A-7")
    assert event.related_user == ("A-7",)
    assert placed(word) is None


def test_an_address_is_one_account_however_it_is_written() -> None:
    event = trade(CHECKSUMMED, UPPER)
    assert event.buyer_account == event.seller_account == LOWER
    assert placed(CHECKSUMMED) == LOWER


@pytest.mark.parametrize("name", ["0xABC", "A-7", CHECKSUMMED[2:], "0x" + "G" * 40, "Null-7"])
def test_what_is_no_address_is_as_the_venue_writes_it(name: str) -> None:
    assert placed(name) == name


def of_file(folder: Path, text: str) -> Enrichment:
    file = folder / "reference.yaml"
    file.write_text(text)
    return Enrichment(load_reference([file]))


def test_reference_data_knows_an_account_by_its_address_however_it_is_written(
    tmp_path: Path,
) -> None:
    listed = f"""
investors:
  - {{id: I, accounts: [{{venue: v, account: "{CHECKSUMMED}"}}]}}
"""
    owned = f"""
investors: [{{id: I}}]
accounts: [{{venue: v, account: "{CHECKSUMMED}", investor: I}}]
"""
    for text in (listed, owned):
        known = of_file(tmp_path, text)
        for name in (CHECKSUMMED, LOWER, UPPER):
            assert known.account("v", name, 0).id == "I"


def test_an_account_that_two_have_is_told_however_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound, match="is an investor's already"):
        of_file(
            tmp_path,
            f"""
investors:
  - {{id: I, accounts: [{{venue: v, account: "{CHECKSUMMED}"}}]}}
  - {{id: K, accounts: [{{venue: v, account: "{LOWER}"}}]}}
""",
        )
