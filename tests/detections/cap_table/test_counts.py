"""How many may buy and hold, by the rules of several laws, and where."""

from typing import Any

import pytest

from detections.correlators.country_permissions import CountryPermissions
from detections.correlators.country_permissions import Parameters as Countries
from detections.correlators.eu_offer_limit import EUOfferLimit
from detections.correlators.eu_offer_limit import Parameters as Offer
from detections.correlators.holders_of_record import HoldersOfRecord
from detections.correlators.holders_of_record import Parameters as Holders
from detections.correlators.ownership_cap import OwnershipCap
from detections.correlators.ownership_cap import Parameters as Cap
from detections.correlators.reg_d_purchasers import Parameters as Purchasers
from detections.correlators.reg_d_purchasers import RegDPurchasers
from normalizer.events.chain import TokenTransfer
from tests.detections.cap_table.movements import Log, found, wallet

LETTERS = "123456789abcdef"


def sold_to(log: Log, count: int, day: str, **more: Any) -> list[TokenTransfer]:
    more.setdefault("destination_accreditation", "retail")
    return [
        log.issued(LETTERS[n], 1, day, destination_investor=f"INV-{n}", **more)
        for n in range(count)
    ]


# -- Rule 506(b) -----------------------------------------------------------------------------------


def test_purchasers_count_once_and_within_ninety_days() -> None:
    log = Log()
    rule = RegDPurchasers(Purchasers(allowed=3))
    events = [*sold_to(log, 3, "2026-01-05"), *sold_to(log, 4, "2026-04-05")]
    (finding,) = found(rule, events)
    assert finding.metrics["purchasers"] == 4
    assert len(finding.witnesses) == 4
    later = [*sold_to(log, 2, "2026-01-05"), *sold_to(log, 4, "2026-04-06")[2:]]
    assert found(RegDPurchasers(Purchasers(allowed=3)), later) == []


def test_a_household_counts_as_one_by_its_cluster() -> None:
    """230.501(e)(1)(i): relatives who share a residence."""
    log = Log()
    events = sold_to(log, 4, "2026-01-05", destination_cluster="CL-1")
    assert found(RegDPurchasers(Purchasers(allowed=1, count_by="cluster")), events) == []
    assert found(RegDPurchasers(Purchasers(allowed=1)), events) != []


def test_of_whom_nothing_is_known_is_not_counted_and_said() -> None:
    log = Log()
    events = [
        *sold_to(log, 5, "2026-01-05", destination_accreditation=None),
        *sold_to(log, 3, "2026-01-06"),
    ]
    (finding,) = found(RegDPurchasers(Purchasers(allowed=2)), events)
    # Three of the five are known by now.
    assert finding.metrics["unknown_purchasers"] == 2
    assert "of 2 more it is not known" in finding.reason


def test_after_the_number_has_fallen_it_is_told_anew() -> None:
    log = Log()
    events = [*sold_to(log, 3, "2026-01-05"), *sold_to(log, 3, "2026-06-05")]
    assert len(found(RegDPurchasers(Purchasers(allowed=2)), events)) == 2


# -- Prospectus Regulation and MiCA ----------------------------------------------------------------


def test_each_member_state_has_a_number_of_its_own() -> None:
    log = Log()
    events = [
        *sold_to(log, 2, "2026-01-05", destination_jurisdiction="DE"),
        *sold_to(log, 3, "2026-01-06", destination_jurisdiction="FR"),
        *sold_to(log, 9, "2026-01-07", destination_jurisdiction="CH"),
    ]
    (finding,) = found(EUOfferLimit(Offer(limit=3)), events)
    assert "3 persons in FR who are not qualified bought ACME" in finding.reason


@pytest.mark.parametrize(
    ("exempt", "expected"), [(("qualified",), 0), ((), 1)], ids=["prospectus", "mica"]
)
def test_qualified_investors_are_left_out_by_one_law_and_not_by_the_other(
    exempt: tuple[str, ...], expected: int
) -> None:
    log = Log()
    events = sold_to(
        log, 3, "2026-01-05", destination_jurisdiction="DE", destination_accreditation="qualified"
    )
    rule = EUOfferLimit(Offer(limit=3, exempt_accreditations=exempt))
    assert len(found(rule, events)) == expected


# -- Section 12(g) ---------------------------------------------------------------------------------


def test_a_holder_who_sells_all_is_none_any_more_and_the_limit_is_told_anew() -> None:
    log = Log()
    rule = HoldersOfRecord(Holders(limit=3, warn_share=1.0, unaccredited_limit=100))
    assert len(found(rule, sold_to(log, 3, "2026-01-05"))) == 1
    gone = log.moved(
        LETTERS[2],
        LETTERS[1],
        1,
        "2026-01-06",
        source_investor="INV-2",
        destination_investor="INV-1",
    )
    assert found(rule, [gone]) == []
    back = log.issued("5", 1, "2026-01-07", destination_investor="INV-5")
    (finding,) = found(rule, [back])
    assert "has 3 holders of record on 2026-01-07, which reaches the 3" in finding.reason


def test_who_is_accredited_now_counts_as_that() -> None:
    log = Log()
    rule = HoldersOfRecord(Holders(limit=100, unaccredited_limit=3, warn_share=1.0))
    found(rule, sold_to(log, 2, "2026-01-05"))
    found(rule, sold_to(log, 1, "2026-01-06", destination_accreditation="accredited"))
    assert found(rule, [sold_to(log, 3, "2026-01-07")[2]]) == []
    (finding,) = found(rule, [log.issued("7", 1, "2026-01-08", destination_accreditation="none")])
    assert finding.metrics["unaccredited_holders"] == 3


def test_unknown_accreditation_counts_where_the_rule_says_so() -> None:
    log = Log()
    events = sold_to(log, 3, "2026-01-05", destination_accreditation=None)
    few = {"limit": 100, "unaccredited_limit": 3, "warn_share": 1.0}
    assert found(HoldersOfRecord(Holders(**few)), events) == []
    assert found(HoldersOfRecord(Holders(**few, unknown_is_unaccredited=True)), events) != []


def test_of_an_older_token_the_number_is_the_least() -> None:
    log = Log()
    events = [log.moved("f", LETTERS[n], 1, "2026-01-05") for n in range(3)]
    (finding,) = found(HoldersOfRecord(Holders(limit=3, warn_share=1.0)), events)
    assert "at least 3 holders of record" in finding.reason
    assert "the token is older than what was seen" in finding.reason


# -- ownership -------------------------------------------------------------------------------------


def test_a_share_alerts_again_when_half_of_the_rest_has_been_added() -> None:
    log = Log()
    events = [log.issued("f", 1000, "2026-01-05", destination_labels=("custodian",))]
    events += [
        log.moved("f", "a", 100, "2026-01-06", source_labels=("custodian",)) for _ in range(10)
    ]
    shares = [one.metrics["share"] for one in found(OwnershipCap(Cap(minimum_share=0.1)), events)]
    assert shares == [0.1, 0.6, 0.8, 0.9, 1.0]


def test_a_redemption_of_others_raises_a_share_at_the_next_receipt() -> None:
    log = Log()
    events = [
        log.issued("f", 991, "2026-01-05", destination_labels=("custodian",)),
        log.issued("a", 9, "2026-01-05"),
        log.burned("f", 891, "2026-01-06", source_labels=("custodian",)),
        log.issued("a", 1, "2026-01-07"),
    ]
    (finding,) = found(OwnershipCap(Cap(minimum_share=0.09)), events)
    assert "holds 10 of 110 ACME on 2026-01-07, 9.1% of what is outstanding" in finding.reason


def test_the_share_of_an_older_token_is_known_where_the_issuer_says_how_much_there_is() -> None:
    log = Log()
    events = [log.moved("f", "a", 10, "2026-01-05")]
    assert found(OwnershipCap(Cap(minimum_share=0.1)), events) == []
    (finding,) = found(OwnershipCap(Cap(minimum_share=0.1, outstanding=100)), events)
    assert finding.metrics["share"] == 0.1


# -- countries -------------------------------------------------------------------------------------


def refused(events: list[TokenTransfer], **parameters: Any) -> list[str]:
    rule = CountryPermissions(Countries(**parameters))
    return [finding.reason.partition(": ")[2] for finding in found(rule, events)]


def test_countries_that_are_allowed_denied_and_for_some_only() -> None:
    log = Log()
    german = [log.issued("a", 1, "2026-01-05", destination_jurisdiction="DE")]
    assert refused(german, allowed=("DE", "FR")) == []
    assert refused(german, allowed=("CH", "FR")) == [
        "only residents of CH and FR may hold it, and this one is in DE"
    ]
    assert refused(german, denied=("DE",)) == ["residents of DE may not hold it"]
    assert refused(german, qualified_only=("DE",)) == [
        "in DE only qualified investors may hold it, and this one is of unknown accreditation"
    ]
    nowhere = [log.issued("b", 1, "2026-01-05")]
    assert refused(nowhere, allowed=("DE",)) == []
    assert refused(nowhere, unknown="deny") == ["the receiver's country is not known"]


def test_a_country_has_room_for_so_many_holders() -> None:
    log = Log()
    home = {"destination_jurisdiction": "DE"}
    events = [
        log.issued("a", 1, "2026-01-05", **home),
        log.issued("b", 1, "2026-01-05", **home),
        log.issued("a", 1, "2026-01-06", **home),
        log.moved("b", "c", 1, "2026-01-07", source_jurisdiction="DE", **home),
        log.issued("d", 1, "2026-01-08", destination_jurisdiction="FR"),
    ]
    assert refused(events, maximum_holders=2) == []
    one_more = [*events, log.issued("e", 1, "2026-01-09", **home)]
    assert refused(one_more, maximum_holders=2) == ["DE has 3 holders now, and 2 are allowed"]
    moved_away = [
        *events,
        log.moved("a", "d", 1, "2026-01-08", source_jurisdiction="FR"),
        log.issued("e", 1, "2026-01-09", **home),
    ]
    assert refused(moved_away, maximum_holders=2) == []


def test_the_receiver_is_named_and_the_sum_said() -> None:
    log = Log()
    events = [log.moved("a", "b", 5, "2026-01-05", destination_jurisdiction="US") for _ in range(3)]
    first, second = found(CountryPermissions(Countries(denied=("US",))), events)
    assert first.entities == (wallet("b"),)
    assert second.metrics == {"tokens": 10, "times": 2}
