"""Fractal by its documented interface, over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collectors.reference.fractal import FractalSource
from collectors.reference.source import SourceFault
from pipeline.config import reference_providers as config
from pipeline.pseudonyms import Pseudonyms
from pipeline.reference_records import Investor, Verification
from pipeline.secrets import Secret, SecretText
from tests.collectors.providers.asked import ALICE, OTHER_UID, UID, read, records
from tests.servers.providers.fractal import FractalDouble


@pytest.fixture
def fractal_source(
    fractal: FractalDouble, secret: Callable[[str], Secret], book: Pseudonyms
) -> Callable[..., FractalSource]:
    def make(**more: Any) -> FractalSource:
        settings = config.Fractal(
            name="kyc",
            url=SecretText(fractal.url),
            token_url=SecretText(fractal.url + "/oauth/token"),
            client_id=secret(fractal.client_id),
            client_secret=secret(fractal.client_secret),
            per_second=1000,
            **more,
        )
        return FractalSource(settings, book)

    return make


async def test_fractal_tells_the_state_of_every_user_by_a_pseudonym(
    fractal: FractalDouble, fractal_source: Callable[..., FractalSource], book: Pseudonyms
) -> None:
    fractal.verified(UID, "light+selfie+wallet", "pending")
    fractal.verified(UID, "plus+accreditation", "approved")
    fractal.verified(OTHER_UID, "plus", "expired")

    found = records(await read(fractal_source()))

    named = book.of("kyc", [UID, OTHER_UID])
    assert found == [
        Verification(
            provider="fractal",
            investor=named[UID],
            status="verified",
            level="plus+accreditation",
            accreditation="accredited",
        ),
        Verification(provider="fractal", investor=named[OTHER_UID], status="expired", level="plus"),
    ]


async def test_a_user_who_shares_more_has_country_wallets_and_an_end(
    fractal: FractalDouble,
    fractal_source: Callable[..., FractalSource],
    book: Pseudonyms,
    tmp_path: Path,
) -> None:
    fractal.verified(UID)
    fractal.shared("user-token", UID, country="DE", wallet=ALICE)
    tokens = tmp_path / "tokens"
    tokens.write_text("user-token\n")
    tokens.chmod(0o600)

    found = records(await read(fractal_source(user_tokens=tokens)))

    name = book.of("kyc", [UID])[UID]
    assert found == [
        Verification(
            provider="fractal",
            investor=name,
            status="verified",
            level="plus+selfie",
            country="DE",
            expires="2027-05-01",
        ),
        Investor(id=name, jurisdiction="DE", addresses=(ALICE,)),
    ]


async def test_a_file_of_tokens_that_others_can_read_is_refused(
    fractal_source: Callable[..., FractalSource], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("user-token\n")
    tokens.chmod(0o644)
    with pytest.raises(SourceFault, match="chmod 600"):
        await read(fractal_source(user_tokens=tokens))


async def test_a_word_that_is_not_documented_verifies_nobody(
    fractal: FractalDouble, fractal_source: Callable[..., FractalSource]
) -> None:
    fractal.verified(UID, "plus", "grandfathered")
    (found,) = records(await read(fractal_source()))
    assert isinstance(found, Verification)
    assert found.status == "pending"


async def test_an_outcome_that_stands_under_status_counts_as_well(
    fractal: FractalDouble, fractal_source: Callable[..., FractalSource], tmp_path: Path
) -> None:
    fractal.shared("user-token", UID, wallet=ALICE)
    for case in fractal.users["user-token"]["verification_cases"]:
        case["status"] = case.pop("credential")
    tokens = tmp_path / "tokens"
    tokens.write_text("user-token\n")
    tokens.chmod(0o600)
    verification, investor = records(await read(fractal_source(user_tokens=tokens)))
    assert isinstance(verification, Verification)
    assert isinstance(investor, Investor)
    assert (verification.status, verification.accreditation) == ("verified", "accredited")
    assert (investor.accreditation, investor.accredited_until) == ("accredited", "2027-05-01")
