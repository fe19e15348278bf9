"""KYC and risk providers by their documented interfaces, over HTTP, with what goes wrong there."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collectors.reference import http_api
from collectors.reference.chainalysis import ChainalysisProvider
from collectors.reference.civic import PAGE, CivicSource
from collectors.reference.fractal import FractalSource
from collectors.reference.jumio import JumioSource
from collectors.reference.screening import ScreeningQueue, ScreeningSource
from collectors.reference.source import Given, Item, Rejected, SourceFault
from collectors.reference.trm import TrmProvider
from pipeline.config import reference_providers as config
from pipeline.pseudonyms import PSEUDONYM, Pseudonyms
from pipeline.reference_changes import change_of
from pipeline.reference_records import Investor, ReferenceRecord, Risk, Verification
from pipeline.secrets import Secret, SecretText
from pipeline.units import DAY, SECOND
from tests.servers.providers.chainalysis import SECONDEYE, ChainalysisDouble
from tests.servers.providers.civic import CivicDouble
from tests.servers.providers.double import PLANTED, Fault, ProviderDouble
from tests.servers.providers.fractal import FractalDouble
from tests.servers.providers.jumio import JumioDouble
from tests.servers.providers.trm import TrmDouble

ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
UID = "b76ab44d-b71e-4d19-b6f9-f6e88cd73946"
OTHER_UID = "320bfdaa-213e-41fb-8d77-ed98c415f01e"
ACCOUNT = "572ac7b5-9f83-409d-ba8e-f0014e411c7e"
WORKFLOW = "41f71912-1c6b-4e2f-b340-d6dc10cd69b8"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Backoff as it is, but shorter."""
    monkeypatch.setattr(http_api, "LONGEST_WAIT", 0.02)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], Secret]:
    made = iter(range(100))

    def make(value: str) -> Secret:
        path = tmp_path / f"secret-{next(made)}"
        path.write_text(value)
        path.chmod(0o600)
        return Secret(f"${{file:{path}}}")

    return make


@pytest.fixture
def book(tmp_path: Path) -> Pseudonyms:
    return Pseudonyms(tmp_path / "privacy" / "people.json")


async def read(source: Any) -> list[Item]:
    try:
        return [item async for item in source.read()]
    finally:
        await source.close()


def records(items: list[Item]) -> list[ReferenceRecord]:
    assert [item for item in items if not isinstance(item, Given)] == []
    return [item.record for item in items if isinstance(item, Given)]


# Fractal


@pytest.fixture
def fractal() -> Iterator[FractalDouble]:
    with FractalDouble() as double:
        yield double


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


# Jumio


@pytest.fixture
def jumio() -> Iterator[JumioDouble]:
    with JumioDouble() as double:
        yield double


@pytest.fixture
def jumio_source(
    jumio: JumioDouble, secret: Callable[[str], Secret], book: Pseudonyms, tmp_path: Path
) -> Callable[..., JumioSource]:
    def make(*workflows: tuple[str, str]) -> JumioSource:
        path = tmp_path / "workflows.csv"
        lines = ["account,workflow", *(",".join(one) for one in workflows)]
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        settings = config.Jumio(
            name="kyc",
            url=SecretText(jumio.url + "/api/v1"),
            token_url=SecretText(jumio.url + "/oauth2/token"),
            client_id=secret(jumio.client_id),
            client_secret=secret(jumio.client_secret),
            workflows=path,
            per_second=1000,
        )
        return JumioSource(settings, book)

    return make


async def test_jumio_tells_the_decision_on_an_account(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource], book: Pseudonyms
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    found = records(await read(jumio_source((ACCOUNT, WORKFLOW))))

    name = book.of("kyc", [ACCOUNT])[ACCOUNT]
    assert found == [
        Verification(
            provider="jumio",
            investor=name,
            status="verified",
            level="10011",
            country="DE",
            checked="2026-03-08T18:28:44.684Z",
            expires="2031-07-09",
        ),
        Investor(id=name, jurisdiction="DE"),
    ]


@pytest.mark.parametrize(
    ("decision", "status", "expected"),
    [
        ("REJECTED", "PROCESSED", "rejected"),
        ("WARNING", "PROCESSED", "pending"),
        ("NOT_EXECUTED", "PROCESSED", "pending"),
        ("PASSED", "INITIATED", "pending"),
        ("NOT_EXECUTED", "SESSION_EXPIRED", "expired"),
        ("NOT_EXECUTED", "TOKEN_EXPIRED", "expired"),
    ],
)
async def test_only_a_passed_workflow_verifies(
    jumio: JumioDouble,
    jumio_source: Callable[..., JumioSource],
    decision: str,
    status: str,
    expected: str,
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW, decision, status=status)
    found = records(await read(jumio_source((ACCOUNT, WORKFLOW))))[0]
    assert isinstance(found, Verification)
    assert found.status == expected


async def test_of_several_workflows_the_one_completed_last_counts(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    second = WORKFLOW.replace("4", "5")
    jumio.decided(ACCOUNT, second, "REJECTED", completed="2026-05-01T00:00:00.000Z")
    jumio.decided(ACCOUNT, WORKFLOW, "PASSED", completed="2026-03-01T00:00:00.000Z")
    found = records(await read(jumio_source((ACCOUNT, second), (ACCOUNT, WORKFLOW))))
    assert [one.status for one in found if isinstance(one, Verification)] == ["rejected"]


async def test_a_decided_workflow_is_asked_about_once(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    source = jumio_source((ACCOUNT, WORKFLOW))
    first = [item async for item in source.read()]
    again = await read(source)
    assert first == again
    asked = [path for _, path, _ in jumio.requests if "workflow-executions" in path]
    assert len(asked) == 1


async def test_a_workflow_that_jumio_does_not_know_is_told_by_its_line(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    unknown = (ACCOUNT, WORKFLOW.replace("4", "6"))
    found = await read(jumio_source(unknown, ("x", "y"), (ACCOUNT, WORKFLOW)))
    assert [item.place for item in found if isinstance(item, Rejected)] == ["line 2", "line 3"]
    assert len([item for item in found if isinstance(item, Given)]) == 2


# Civic


@pytest.fixture
def civic() -> Iterator[CivicDouble]:
    with CivicDouble() as double:
        yield double


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


# Risk


@pytest.fixture
def chainalysis() -> Iterator[ChainalysisDouble]:
    with ChainalysisDouble() as double:
        yield double


@pytest.fixture
def trm() -> Iterator[TrmDouble]:
    with TrmDouble() as double:
        yield double


def chainalysis_provider(
    double: ChainalysisDouble, secret: Callable[[str], Secret], **more: Any
) -> ChainalysisProvider:
    return ChainalysisProvider(
        config.Chainalysis(
            name="risk",
            api_key=secret(double.key),
            url=SecretText(double.url),
            per_second=1000,
            **more,
        )
    )


def trm_provider(double: TrmDouble, secret: Callable[[str], Secret], **more: Any) -> TrmProvider:
    return TrmProvider(
        config.Trm(
            name="risk",
            api_key=secret(double.key),
            url=SecretText(double.url),
            per_second=1000,
            **more,
        )
    )


async def test_the_example_of_chainalysis_documents_is_sanctioned(
    chainalysis: ChainalysisDouble, secret: Callable[[str], Secret]
) -> None:
    provider = chainalysis_provider(chainalysis, secret)
    found = dict(await provider.assess([SECONDEYE, ALICE]))
    await provider.close()
    assert found[SECONDEYE]["level"] == "severe"
    assert found[SECONDEYE]["categories"] == ("sanctions",)
    assert (found[ALICE]["level"], found[ALICE]["categories"]) == (None, ())


async def test_chainalysis_assessment_has_level_and_categories(
    chainalysis: ChainalysisDouble, secret: Callable[[str], Secret]
) -> None:
    chainalysis.assessed(ALICE, "Severe", "sanctioned entity", "mixing")
    chainalysis.assessed(BOB, "Low")
    provider = chainalysis_provider(chainalysis, secret, product="entities")
    found = dict(await provider.assess([ALICE, BOB, "0x" + "77" * 20]))
    await provider.close()
    assert found == {
        ALICE: {
            "provider": "chainalysis",
            "level": "severe",
            "categories": ("sanctioned-entity", "mixing", "stolen-funds"),
        },
        BOB: {"provider": "chainalysis", "level": "low", "categories": ()},
    }


async def test_trm_assessment_tells_whose_risk_it_is(
    trm: TrmDouble, secret: Callable[[str], Secret]
) -> None:
    trm.indicated(ALICE, 15, "Sanctions", "COUNTERPARTY")
    trm.owned(ALICE, 5, "Exchange Non-KYC")
    provider = trm_provider(trm, secret)
    found = dict(await provider.assess([ALICE.upper().replace("0X", "0x"), BOB]))
    await provider.close()
    (alice, bob) = found.values()
    assert alice["level"] == "severe"
    assert alice["score"] == 15
    assert alice["categories"] == ("exchange-non-kyc", "counterparty:sanctions")
    assert (bob["level"], bob["score"], bob["categories"]) == (None, 0, ())


async def test_trm_says_who_is_sanctioned(trm: TrmDouble, secret: Callable[[str], Secret]) -> None:
    trm.sanctioned = {BOB}
    provider = trm_provider(trm, secret, product="sanctions")
    found = dict(await provider.assess([ALICE, BOB]))
    await provider.close()
    assert {address: one["level"] for address, one in found.items()} == {ALICE: None, BOB: "severe"}


class Seen:
    """Addresses that a test lets be seen."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    async def new(self) -> list[str]:
        new, self.waiting = self.waiting, []
        return new

    async def close(self) -> None:
        pass


async def test_who_is_seen_is_asked_about_once_until_it_is_time_again(
    trm: TrmDouble, secret: Callable[[str], Secret], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.time_ns()
    monkeypatch.setattr("collectors.reference.screening.now", lambda: moment)
    seen = Seen()
    queue = ScreeningQueue(100, 7 * DAY)
    source = ScreeningSource(trm_provider(trm, secret), seen, queue, most_requests=10)
    seen.waiting = [ALICE, BOB, ALICE]

    first = records([item async for item in source.read()])
    assert {one.address for one in first if isinstance(one, Risk)} == {ALICE, BOB}
    seen.waiting = [ALICE]
    assert [item async for item in source.read()] == []
    moment += 7 * DAY
    again = records([item async for item in source.read()])
    assert {one.address for one in again if isinstance(one, Risk)} == {ALICE, BOB}
    assert {one.checked for one in again if isinstance(one, Risk)} != {
        one.checked for one in first if isinstance(one, Risk)
    }
    assert [change_of(one).kind for one in again] == ["risk", "risk"]
    await source.close()


async def test_what_was_answered_before_a_fault_counts_and_the_fault_is_told_after(
    chainalysis: ChainalysisDouble, secret: Callable[[str], Secret]
) -> None:
    seen = Seen()
    seen.waiting = [ALICE, BOB]
    queue = ScreeningQueue(100, DAY)
    source = ScreeningSource(
        chainalysis_provider(chainalysis, secret), seen, queue, most_requests=10
    )
    chainalysis.fail(Fault(status=0), Fault(status=403))

    assert len([item async for item in source.read()]) == 1
    with pytest.raises(SourceFault, match="HTTP 403"):
        _ = [item async for item in source.read()]
    assert len([item async for item in source.read()]) == 1, "the other one is asked about then"
    await source.close()


def test_the_queue_is_bounded_and_forgets_whom_it_saw_longest_ago() -> None:
    queue = ScreeningQueue(3, DAY)
    for address in ("a", "b", "c", "a", "d"):
        queue.saw(address)
    assert len(queue) == 3
    assert queue.due(DAY, 10) == ["c", "a", "d"]
    queue.asked("c", 5 * DAY)
    queue.asked("a", 4 * DAY)
    assert queue.due(6 * DAY, 10) == ["d", "a", "c"], "new ones first, then the oldest answer"
    assert queue.due(5 * DAY, 10) == ["d", "a"]
    assert queue.due(6 * DAY, 1) == ["d"]


# Faults, which every interface answers with


def _sources(
    tmp: Path, secret: Callable[[str], Secret], book: Pseudonyms
) -> dict[str, Callable[[ProviderDouble], Any]]:
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
            chainalysis_provider(double, secret, timeout=SECOND // 2)  # type: ignore[arg-type]
        ),
        "trm": lambda double: screening(
            trm_provider(double, secret, timeout=SECOND // 2)  # type: ignore[arg-type]
        ),
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
