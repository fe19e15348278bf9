"""Civic by its documented interface, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from collectors.reference.civic import PAGE, CivicSource
from pipeline.config import reference_providers as config
from pipeline.reference_records import Verification
from pipeline.secrets import Secret, SecretText
from tests.collectors.providers.asked import ALICE, read, records
from tests.servers.providers.civic import CivicDouble


@pytest.fixture
def civic_source(civic: CivicDouble, secret: Callable[[str], Secret]) -> Callable[..., CivicSource]:
    def make(**more: Any) -> CivicSource:
        return CivicSource(
            config.Civic(
                name="passes",
                url=SecretText(civic.url + "/partner"),
                token_url=SecretText(civic.url + "/oauth/token"),
                client_id=secret(civic.client_id),
                client_secret=secret(civic.client_secret),
                per_second=1000,
                **more,
            )
        )

    return make


async def test_civic_tells_the_state_of_each_wallets_pass(
    civic: CivicDouble, civic_source: Callable[..., CivicSource]
) -> None:
    solana = "4v4PL5bMZXXvQB3mvWPXLvqfJpjJmPRnPrmENnUESQQQ"
    civic.issued("0x" + "A1" * 20)
    civic.issued(solana, "FROZEN", chain=("solana", "mainnet-beta"), network="gk")
    found = records(await read(civic_source()))
    assert found == [
        Verification(
            provider="civic",
            address=ALICE,
            status="verified",
            level="tgnuXXNMDLK8dy7Xm1TdeGyc95MDym4bvAQCwcW21Bf on mainnet",
            checked="2023-02-28T12:54:59Z",
        ),
        Verification(
            provider="civic",
            address=solana,
            status="revoked",
            level="gk on mainnet-beta",
            checked="2023-02-28T12:54:59Z",
        ),
    ]


async def test_all_pages_are_read(
    civic: CivicDouble, civic_source: Callable[..., CivicSource]
) -> None:
    for number in range(2 * PAGE + 1):
        civic.issued(f"0x{number:040x}")
    found = records(await read(civic_source()))
    assert len({one.address for one in found if isinstance(one, Verification)}) == 2 * PAGE + 1
    assert [path for _, path, _ in civic.requests].count("/partner/pass") == 3


async def test_a_wallet_with_several_passes_is_judged_by_the_one_changed_last(
    civic: CivicDouble, civic_source: Callable[..., CivicSource]
) -> None:
    civic.issued(ALICE, "REVOKED", changed=1_700_000_000, network="gk1")
    civic.issued(ALICE, "ACTIVE", changed=1_600_000_000, network="gk2")
    (found,) = records(await read(civic_source()))
    assert isinstance(found, Verification)
    assert found.status == "revoked"
    (only,) = records(await read(civic_source(gatekeeper_network="gk2")))
    assert isinstance(only, Verification)
    assert only.status == "verified"
