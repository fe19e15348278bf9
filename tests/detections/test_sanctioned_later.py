"""Transfers with an address that is listed later: what is remembered of them, and for how long."""

import msgspec

from detections.correlators.sanctioned_later import Parameters, SanctionedLater
from normalizer.events.chain import TokenTransfer
from normalizer.events.reference import AddressSanctioned
from pipeline.units import DAY, HOUR


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def transfer(number: int, source: int, destination: int, time: int) -> TokenTransfer:
    return TokenTransfer(
        id=f"t{number}", timestamp=time, ingested=time, original="RAW/1/0", provider="chain",
        chain_id=1, network="main", block_number=1, block_hash="0x1",
        transaction_hash=f"0x{number}", contract=wallet(99), log_index=0,
        source_address=wallet(source), destination_address=wallet(destination),
        amount_raw="1", token_symbol="ACME",
    )  # fmt: skip


def listing(address: int, time: int) -> AddressSanctioned:
    return AddressSanctioned(
        id=f"s{address}", timestamp=time, ingested=time, original="RAW/2/0",
        provider="reference:ofac", investor_address=wallet(address), list="SDN",
    )  # fmt: skip


def test_the_idlest_addresses_are_forgotten_and_the_newest_transfers_kept() -> None:
    found = SanctionedLater(Parameters(most_transfers=3, most_addresses=100))
    for number in range(1_000):
        assert not list(found.observe(transfer(number, 1, 2 + number, number)))
    assert 98 < len(found.state.addresses) <= 100
    assert len(found.state.addresses[wallet(1)].newest) == 3
    size = len(found.snapshot())
    for number in range(1_000, 2_000):
        list(found.observe(transfer(number, 1, 2 + number, number)))
    assert len(found.snapshot()) < 1.1 * size

    (finding,) = found.observe(listing(1, HOUR))
    assert finding.metrics == {"transfers": 2_000.0, "counterparties": 3.0}
    assert [one.id for one in finding.witnesses] == ["t1997", "t1998", "t1999", "s1"]
    assert not list(found.observe(listing(2, HOUR))), "it was forgotten"


def test_of_what_is_partly_too_long_ago_the_least_is_said() -> None:
    found = SanctionedLater(Parameters(look_back=DAY, most_transfers=2))
    for number, time in enumerate((0, 30 * HOUR, 40 * HOUR)):
        list(found.observe(transfer(number, 1, 2, time)))
    (finding,) = found.observe(listing(2, 48 * HOUR))
    assert "at least 2 transfers of ACME" in finding.reason


def test_a_saved_state_finds_the_same() -> None:
    first = SanctionedLater(Parameters())
    list(first.observe(transfer(1, 1, 2, 5)))
    second = SanctionedLater(Parameters())
    second.restore(first.snapshot())
    (one,), (other,) = first.observe(listing(2, 9)), second.observe(listing(2, 9))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
