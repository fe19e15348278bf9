"""Chainalysis and TRM by their documented interfaces, over HTTP, and whom they are asked about."""

import time
from collections.abc import Callable

import pytest

from collectors.reference.screening import ScreeningQueue, ScreeningSource
from collectors.reference.source import SourceFault
from pipeline.reference_changes import change_of
from pipeline.reference_records import Risk
from pipeline.secrets import Secret
from pipeline.units import DAY
from tests.collectors.providers.asked import (
    ALICE,
    BOB,
    Seen,
    chainalysis_provider,
    records,
    trm_provider,
)
from tests.servers.providers.chainalysis import SECONDEYE, ChainalysisDouble
from tests.servers.providers.double import Fault
from tests.servers.providers.trm import TrmDouble


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
