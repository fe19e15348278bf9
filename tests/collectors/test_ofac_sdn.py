"""OFAC's list as a source: fetched where it changed, held back where it can't be right."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from collectors.reference.ofac_sdn import OfacSource
from collectors.reference.source import Given, Rejected, SourceFault, Unchanged
from pipeline.config.reference_providers import OfacList
from pipeline.reference_changes import change_of
from pipeline.reference_records import Sanction
from pipeline.secrets import SecretText
from tests.collectors.test_ofac_list import ADVANCED, COIN, SDN, WALLET
from tests.servers.providers.ofac import OfacDouble


@pytest.fixture
def ofac() -> Iterator[OfacDouble]:
    with OfacDouble() as double:
        double.content = ADVANCED
        yield double


def source(ofac: OfacDouble, **more: Any) -> OfacSource:
    return OfacSource(OfacList(name="ofac", url=SecretText(ofac.url), **more))


async def read(of: OfacSource) -> list[Any]:
    return [item async for item in of.read()]


def sanctions(items: list[Any]) -> dict[str, Sanction]:
    return {item.record.address: item.record for item in items if isinstance(item, Given)}


async def test_the_list_becomes_sanctions_with_their_evidence(ofac: OfacDouble) -> None:
    of = source(ofac)
    found = sanctions(await read(of))
    await of.close()

    assert set(found) == {WALLET.lower(), COIN}
    assert found[WALLET.lower()] == Sanction(
        address=WALLET.lower(),
        list="ofac-sdn",
        since=datetime.date(2019, 9, 13),
        entry="27307",
        programs=("DPRK3",),
        asset="ETH",
    )
    assert change_of(found[COIN]).key == f"ofac-sdn/{COIN}"


async def test_one_address_in_two_currencies_or_of_two_parties_is_one_record(
    ofac: OfacDouble,
) -> None:
    twice = f"""<id><uid>1</uid><idType>Digital Currency Address - USDT</idType>
        <idNumber>{WALLET.lower()}</idNumber></id></idList></sdnEntry>
      <sdnEntry><uid>9</uid><programList><program>IRAN</program></programList><idList><id>
        <idType>Digital Currency Address - ETH</idType><idNumber>{WALLET}</idNumber></id></idList>
      <dateOfBirthList>"""
    ofac.content = SDN.replace(b"</idList>\n    <dateOfBirthList>", twice.encode()).replace(
        b"</dateOfBirthList>", b"</dateOfBirthList>", 1
    )
    of = source(ofac)
    found = sanctions(await read(of))[WALLET.lower()]
    await of.close()
    assert (found.asset, found.entry) == ("ETH, USDT", "27307, 9")
    assert set(found.programs) == {"DPRK3", "CYBER2", "IRAN"}
    assert found.since is None, "this form tells no day"


async def test_an_unchanged_list_is_not_fetched_again(ofac: OfacDouble) -> None:
    of = source(ofac)
    await read(of)
    with pytest.raises(Unchanged):
        await read(of)
    assert [status for _, status in ofac.requests] == [302, 200, 302, 304]
    ofac.content = ADVANCED.replace(b"DPRK3", b"DPRK4")
    assert sanctions(await read(of))[COIN].programs == ("DPRK4",)
    await of.close()


async def test_a_read_that_nobody_took_to_its_end_is_fetched_again(ofac: OfacDouble) -> None:
    of = source(ofac)
    async for _ in of.read():
        break
    assert len(await read(of)) == 2
    await of.close()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (ADVANCED[:-40], "no whole SDN list"),
        (b"<html>maintenance</html>", "no whole SDN list"),
        (b"", "no whole SDN list"),
        (SDN.replace(b"<Record_Count>2<", b"<Record_Count>20000<"), "2 of the 20000 entries"),
    ],
)
async def test_a_damaged_list_changes_nothing(ofac: OfacDouble, content: bytes, why: str) -> None:
    of = source(ofac)
    await read(of)
    ofac.content = content
    with pytest.raises(SourceFault, match=why):
        await read(of)
    ofac.content = ADVANCED
    with pytest.raises(Unchanged):  # the last whole one is what it was
        await read(of)
    await of.close()


async def test_an_older_list_changes_nothing(ofac: OfacDouble) -> None:
    of = source(ofac)
    await read(of)
    ofac.content = ADVANCED.replace(b"<Day>20</Day></DateOfIssue>", b"<Day>19</Day></DateOfIssue>")
    with pytest.raises(SourceFault, match="is of 2026-08-19"):
        await read(of)
    await of.close()


async def test_a_list_larger_than_allowed_is_refused(ofac: OfacDouble) -> None:
    of = source(ofac, max_size=1000)
    with pytest.raises(SourceFault, match="larger than"):
        await read(of)
    await of.close()


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_an_error_of_the_server_is_told(ofac: OfacDouble, status: int) -> None:
    of = source(ofac)
    ofac.status = status
    with pytest.raises(SourceFault, match=f"HTTP {status}"):
        await read(of)
    await of.close()


async def test_what_is_no_address_goes_aside_with_its_entry(ofac: OfacDouble) -> None:
    ofac.content = ADVANCED.replace(COIN.encode(), b"see remarks!")
    of = source(ofac)
    found = await read(of)
    await of.close()
    (aside,) = [item for item in found if isinstance(item, Rejected)]
    assert (aside.place, aside.field, aside.content) == ("entry 27307", "address", b"see remarks!")
    assert len(sanctions(found)) == 1


async def test_plain_http_to_another_machine_is_refused() -> None:
    of = OfacSource(OfacList(name="ofac", url=SecretText("http://ofac.example/sdn.xml")))
    with pytest.raises(SourceFault, match="https"):
        await read(of)
