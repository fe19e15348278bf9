"""What goes wrong at KYC and risk providers: every interface answers it alike."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.reference.civic import PAGE, CivicSource
from collectors.reference.fractal import FractalSource
from collectors.reference.jumio import JumioSource
from collectors.reference.screening import ScreeningQueue, ScreeningSource
from collectors.reference.source import SourceFault
from pipeline.config import reference_providers as config
from pipeline.pseudonyms import PSEUDONYM, Pseudonyms
from pipeline.reference_changes import change_of
from pipeline.secrets import Secret, SecretText
from pipeline.units import DAY, SECOND
from tests.collectors.providers.asked import (
    ACCOUNT,
    ALICE,
    UID,
    WORKFLOW,
    Seen,
    chainalysis_provider,
    read,
    records,
    trm_provider,
)
from tests.servers.providers.chainalysis import ChainalysisDouble
from tests.servers.providers.civic import CivicDouble
from tests.servers.providers.double import PLANTED, Fault, ProviderDouble
from tests.servers.providers.fractal import FractalDouble
from tests.servers.providers.jumio import JumioDouble
from tests.servers.providers.trm import TrmDouble


def _sources(
    tmp: Path, secret: Callable[[str], Secret], book: Pseudonyms
) -> dict[str, Callable[[Any], Any]]:
    workflows = tmp / "workflows.csv"
    workflows.write_text(f"account,workflow\n{ACCOUNT},{WORKFLOW}\n")
    workflows.chmod(0o600)

    def login(double: ProviderDouble, path: str) -> dict[str, Any]:
        return {
            "name": "kyc",
            "token_url": SecretText(double.url + path),
            "client_id": secret(double.client_id),
            "client_secret": secret(double.client_secret),
            "per_second": 1000,
            "timeout": SECOND // 2,
        }

    def screening(provider: Any) -> ScreeningSource:
        seen = Seen()
        seen.waiting = [ALICE]
        return ScreeningSource(provider, seen, ScreeningQueue(10, DAY), 10)

    return {
        "fractal": lambda double: FractalSource(
            config.Fractal(url=SecretText(double.url), **login(double, "/oauth/token")), book
        ),
        "jumio": lambda double: JumioSource(
            config.Jumio(
                url=SecretText(double.url + "/api/v1"),
                workflows=workflows,
                **login(double, "/oauth2/token"),
            ),
            book,
        ),
        "civic": lambda double: CivicSource(
            config.Civic(url=SecretText(double.url + "/partner"), **login(double, "/oauth/token"))
        ),
        "chainalysis": lambda double: screening(
            chainalysis_provider(double, secret, timeout=SECOND // 2)
        ),
        "trm": lambda double: screening(trm_provider(double, secret, timeout=SECOND // 2)),
    }


_DOUBLES: dict[str, Callable[[], Any]] = {
    "fractal": FractalDouble,
    "jumio": JumioDouble,
    "civic": CivicDouble,
    "chainalysis": ChainalysisDouble,
    "trm": TrmDouble,
}


@pytest.fixture(params=_DOUBLES)
async def provider(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    secret: Callable[[str], Secret],
    book: Pseudonyms,
) -> AsyncIterator[tuple[Any, Callable[[], Any]]]:
    """Each provider with something to tell, and how its source is made."""
    with _DOUBLES[request.param]() as double:
        match double:
            case FractalDouble():
                double.verified(UID)
            case JumioDouble():
                double.decided(ACCOUNT, WORKFLOW)
            case CivicDouble():
                double.issued(ALICE)
            case _:
                pass
        make = _sources(tmp_path, secret, book)[request.param]
        yield double, lambda: make(double)


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=429, retry_after="0")],
        [Fault(status=503), Fault(status=500), Fault(status=502)],
        [Fault(drop=True), Fault(drop=True)],
        [Fault(status=0, delay=0.9)],
    ],
    ids=["busy", "broken", "dropped", "slow"],
)
async def test_a_fault_that_passes_is_waited_for(
    provider: tuple[Any, Callable[[], Any]], faults: list[Fault]
) -> None:
    double, make = provider
    double.fail(*faults)
    assert records(await read(make())) != []


async def test_retry_after_is_kept_to(provider: tuple[Any, Callable[[], Any]]) -> None:
    double, make = provider
    double.fail(Fault(status=429, retry_after="1"))
    begun = time.monotonic()
    assert records(await read(make())) != []
    assert 1 <= time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(status=403), "HTTP 403"),
        (Fault(status=429, retry_after="86400"), "asks to wait 86400 s"),
        (Fault(status=301), "redirects"),
        (Fault(status=200, body=b"<html>Dagmar</html>"), "no JSON"),
        (Fault(status=200, body=b'{"records": "Dagmar", "access_token": 7}'), "documented"),
        (Fault(status=200, body=b"[" * 100_000), ""),
        (Fault(status=200, body=b'{"access_token": "\xff"}'), ""),
        (Fault(status=418), "HTTP 418"),
    ],
)
async def test_a_fault_that_stays_is_told_without_what_was_answered(
    provider: tuple[Any, Callable[[], Any]], fault: Fault, why: str
) -> None:
    double, make = provider
    double.fail(*[fault] * 2)
    with pytest.raises(SourceFault) as caught:
        await read(make())
    assert why in str(caught.value)
    assert not [word for word in (*PLANTED, double.client_secret) if word in str(caught.value)]


async def test_a_server_that_is_away_is_told(provider: tuple[Any, Callable[[], Any]]) -> None:
    double, make = provider
    source = make()
    double.go_down()
    with pytest.raises(SourceFault, match="can't connect"):
        await read(source)
    double.come_back()


async def test_a_wrong_key_is_told_and_not_tried_again(
    provider: tuple[Any, Callable[[], Any]],
) -> None:
    double, make = provider
    source = make()
    double.client_secret = "another"
    if hasattr(double, "key"):
        double.key = "another"
    with pytest.raises(SourceFault, match="HTTP 40"):
        await read(source)
    assert len(double.requests) == 1


@pytest.mark.parametrize("kind", ["fractal", "civic", "jumio"])
async def test_a_token_that_was_revoked_is_renewed(
    kind: str, tmp_path: Path, secret: Callable[[str], Secret], book: Pseudonyms
) -> None:
    with _DOUBLES[kind]() as double:
        if isinstance(double, FractalDouble):
            double.verified(UID)
        elif isinstance(double, CivicDouble):
            double.issued(ALICE)
        else:
            double.decided(ACCOUNT, WORKFLOW, status="INITIATED")
        source = _sources(tmp_path, secret, book)[kind](double)
        first = [item async for item in source.read()]
        double.revoke_tokens()
        assert [item async for item in source.read()] == first
        assert double.tokens == 2
        await source.close()


async def test_requests_keep_their_pace(
    civic: CivicDouble, secret: Callable[[str], Secret]
) -> None:
    for number in range(3 * PAGE):
        civic.issued(f"0x{number:040x}")
    source = CivicSource(
        config.Civic(
            name="passes",
            url=SecretText(civic.url + "/partner"),
            token_url=SecretText(civic.url + "/oauth/token"),
            client_id=secret(civic.client_id),
            client_secret=secret(civic.client_secret),
            per_second=20,
        )
    )
    begun = asyncio.get_running_loop().time()
    await read(source)
    assert asyncio.get_running_loop().time() - begun >= 3 / 20


async def test_nothing_that_names_a_person_is_in_what_a_source_gives(
    provider: tuple[Any, Callable[[], Any]], tmp_path: Path
) -> None:
    double, make = provider
    if isinstance(double, ChainalysisDouble):
        double.sanctioned.add(ALICE)
    elif isinstance(double, TrmDouble):
        double.owned(ALICE, 10, "Mixer")
    given = b"".join(msgspec.json.encode(change_of(one)) for one in records(await read(make())))
    kept = b"".join(path.read_bytes() for path in (tmp_path / "privacy").glob("*"))
    for word in (*PLANTED, UID, ACCOUNT, WORKFLOW):
        assert word.encode() not in given + kept
    if isinstance(double, FractalDouble | JumioDouble):
        assert PSEUDONYM.search(given.decode())
