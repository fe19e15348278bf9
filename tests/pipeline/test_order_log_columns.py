"""What is said of a header of somebody else's table."""

import pytest

from pipeline.csv_header import said_of
from pipeline.order_log_columns import header_faults, unknown_column

HEADER = "transact_time,exec_type,symbol,last_px,last_qty"


def test_the_columns_that_are_there_are_good() -> None:
    assert header_faults(HEADER) == []


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars (|)")])
def test_another_delimiter_is_the_one_thing_that_is_said(sign: str, name: str) -> None:
    (fault,) = header_faults(HEADER.replace(",", sign))
    assert fault.reason.startswith(f"the columns are separated by {name}, not by commas")


def test_a_line_of_values_is_no_header() -> None:
    (fault,) = header_faults("2026-03-02T14:30:00Z,trade,ACME,10.25,100")
    assert fault.reason.startswith("this is no line of names: the first line names the columns")


@pytest.mark.parametrize(
    "header",
    [
        "contract_address,evt_tx_hash,evt_index,evt_block_time,amount0,amount1",
        "block_time,block_number,tx_hash,evt_index,tx_from,tx_to",
        "BLOCK_NUMBER,TX_HASH,ORIGIN_FROM_ADDRESS",
        "Transaction Hash,Blockno,UnixTimestamp,From,To,TokenValue",
    ],
)
def test_a_table_of_a_chain_is_told_for_what_it_is(header: str) -> None:
    (fault,) = header_faults(header)
    assert fault.reason == (
        "this is a table of a chain, and no order log: it becomes one, or a folder of tables that "
        "is read as it is, as docs/published-data.md tells"
    )


def test_an_order_log_with_a_column_of_a_chain_is_an_order_log() -> None:
    (fault,) = header_faults(f"{HEADER},tx_hash")
    assert fault.reason == "tx_hash: no column of an order log: did you mean trade_id?"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("timestamp", "transact_time"),
        ("Kind", "exec_type"),
        ("pair", "symbol"),
        ("amount", "last_qty"),
    ],
)
def test_what_others_call_a_column_is_told_by_our_name_and_not_as_missing(
    theirs: str, ours: str
) -> None:
    (fault,) = header_faults(HEADER.replace(ours, theirs))
    assert fault.reason == f"{theirs}: no column of an order log: did you mean {ours}?"


@pytest.mark.parametrize("name", ["@timestamp", "event.action"])
def test_events_in_the_place_of_an_order_log_are_told_as_such(name: str) -> None:
    assert (
        unknown_column(name) == "no column of an order log, but of an event: --events takes those"
    )


def test_what_is_missing_is_said_beside_what_is_unknown() -> None:
    said = said_of(header_faults("transact_time,symbol,zzz"))
    assert "zzz: no column of an order log; one of your own begins with x_" in said
    assert "there is no column exec_type" in said
