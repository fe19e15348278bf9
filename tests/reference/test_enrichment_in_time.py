"""What reference data says of an address at the time of an event, by what sources have given."""

import datetime

from hypothesis import given
from hypothesis import strategies as st

from normalizer.enrichment import Enrichment
from normalizer.parties import NOBODY, Party
from normalizer.reference import Reference
from pipeline.reference_changes import ReferenceChange, change_of, withdrawal
from pipeline.reference_records import (
    Account,
    CorporateEvent,
    Instrument,
    Investor,
    LabelledAddress,
    ListEntry,
    ReferenceRecord,
    Risk,
    Sanction,
    Token,
    TokenContract,
    VenueAccount,
    Verification,
    moment,
)

A, B, C = (f"0x{letter * 40}" for letter in "abc")


def given_by(enrichment: Enrichment, source: str, *records: ReferenceRecord) -> None:
    for record in records:
        enrichment.put(source, change_of(record), record)
    enrichment.settle()


def at(day: str) -> int:
    return moment(day)


def known(*records: ReferenceRecord) -> Enrichment:
    enrichment = Enrichment(Reference())
    given_by(enrichment, "crm", *records)
    return enrichment


def test_the_jurisdiction_is_that_of_the_time_of_the_event() -> None:
    enrichment = known(
        Investor(id="I", jurisdiction="DE", addresses=(A,), valid_to="2025-05-31"),
        Investor(id="I", jurisdiction="US", addresses=(A,), valid_from="2025-06-01"),
    )
    assert enrichment.party(A, at("2025-05-31T23:59:59Z")).jurisdiction == "DE"
    assert enrichment.party(A, at("2025-06-01")).jurisdiction == "US"
    assert enrichment.party(A, at("2030-01-01")).id == "I"


def test_an_accreditation_counts_to_the_end_of_its_last_day() -> None:
    enrichment = known(
        Investor(id="I", accreditation="accredited", accredited_until="2025-12-31", addresses=(A,))
    )
    assert enrichment.party(A, at("2025-12-31T23:59:59.9Z")).accreditation == "accredited"
    after = enrichment.party(A, at("2026-01-01"))
    assert (after.accreditation, after.labels) == ("none", ("accreditation-expired",))


def test_a_wallet_changes_hands_when_the_versions_say() -> None:
    enrichment = known(
        Investor(id="I", addresses=(A,), valid_to="2025-06-30"),
        Investor(id="J", addresses=(A,), valid_from="2025-07-01"),
    )
    assert enrichment.party(A, at("2025-06-30T12:00:00Z")).id == "I"
    assert enrichment.party(A, at("2025-07-01")).id == "J"


def test_an_address_may_say_itself_whose_it_is() -> None:
    enrichment = known(
        LabelledAddress(address=A.upper().replace("0X", "0x"), investor="I"),
        Investor(id="I", jurisdiction="FR"),
        VenueAccount(venue="v", account="a", investor="I"),
    )
    assert enrichment.party(A, 0) == Party("I", "FR")
    assert enrichment.account("v", "a", 0).id == "I"
    given_by(enrichment, "crm", Investor(id="I", jurisdiction="IT"))
    assert enrichment.party(A, 0).jurisdiction == "IT"
    assert enrichment.account("v", "a", 0).jurisdiction == "IT"


def test_labels_of_lists_providers_and_sanctions_hold_from_and_to() -> None:
    enrichment = known(
        Investor(id="I", addresses=(A,)),
        ListEntry(list="restricted", investor="I", valid_from="2025-02-01", valid_to="2025-02-28"),
        Sanction(address=A, list="OFAC-SDN", since=datetime.date(2025, 3, 1)),
        Verification(provider="jumio", investor="I", status="verified", expires="2025-04-30"),
        Risk(provider="trm", address=A, level="high", categories=("mixer",)),
    )
    assert enrichment.party(A, at("2025-02-10")).labels == (
        "restricted", "kyc:verified", "risk:high", "risk:mixer",
    )  # fmt: skip
    later = enrichment.party(A, at("2025-05-01")).labels
    assert "restricted" not in later
    assert {"sanctioned", "sanctioned:OFAC-SDN", "kyc:expired"} <= set(later)


def test_a_provider_fills_in_what_the_investors_record_leaves_open() -> None:
    enrichment = known(
        Investor(id="I", addresses=(A,)),
        Verification(provider="p", investor="I", status="verified", country="NL",
                     accreditation="qualified"),
    )  # fmt: skip
    party = enrichment.party(A, 0)
    assert (party.jurisdiction, party.accreditation) == ("NL", "qualified")
    given_by(enrichment, "crm", Investor(id="I", jurisdiction="BE", addresses=(A,)))
    assert enrichment.party(A, 0).jurisdiction == "BE"


def test_what_one_source_withdraws_another_may_still_say() -> None:
    enrichment = known(LabelledAddress(address=A, labels=("custodian",)))
    given_by(enrichment, "other", LabelledAddress(address=A, labels=("router",)))
    assert enrichment.party(A, 0).labels == ("custodian", "router")
    enrichment.put("crm", withdrawal(("address", A, None)), None)
    enrichment.settle()
    assert enrichment.party(A, 0).labels == ("router",)
    enrichment.put("other", withdrawal(("address", A, None)), None)
    enrichment.settle()
    assert enrichment.party(A, 0) is NOBODY


def test_a_cluster_of_addresses_gives_way_to_the_investors_own() -> None:
    enrichment = known(
        LabelledAddress(address=A, cluster="C-1"),
        LabelledAddress(address=B, cluster="C-1"),
        Investor(id="I", cluster="CL-9", addresses=(B,)),
    )
    assert enrichment.party(A, 0).cluster == "C-1"
    assert enrichment.party(B, 0).cluster == "CL-9"


def test_a_million_addresses_share_what_is_said_of_their_investor() -> None:
    enrichment = known(Investor(id="I", jurisdiction="DE", addresses=(A, B)))
    assert enrichment.party(A, 0) is enrichment.party(B, 0)


def test_a_token_is_classified_as_it_was_at_the_time() -> None:
    contracts = (TokenContract(chain=1, address=C),)
    instruments = (Instrument(venue="v", symbol="ACME-USD"),)
    enrichment = known(
        Token(id="acme", classification="reg-d-506c", contracts=contracts,
              instruments=instruments, valid_to="2025-06-30"),
        Token(id="acme", classification="registered", contracts=contracts,
              instruments=instruments, valid_from="2025-07-01"),
    )  # fmt: skip
    before = enrichment.chain(1, at("2025-06-30")).tokens[C]
    after = enrichment.chain(1, at("2025-07-01")).tokens[C]
    assert (before.classification, after.classification) == ("reg-d-506c", "registered")
    enrichment.go_to(at("2025-07-01"))
    token = enrichment.instrument("v", "ACME-USD").token
    assert token is not None
    assert token.classification == "registered"


DAYS = st.none() | st.sampled_from(["2025-01-01", "2025-03-01", "2025-06-01"])
ENDS = st.none() | st.sampled_from(["2025-03-31", "2025-12-31"])
IDS = st.sampled_from(["I", "J"])
ADDRESSES = st.lists(st.sampled_from([A, B, C]), unique=True, max_size=3).map(tuple)
RECORDS = st.one_of(
    st.builds(Investor, id=IDS, jurisdiction=st.sampled_from(["DE", "US"]), addresses=ADDRESSES,
              accreditation=st.sampled_from([None, "accredited"]), accredited_until=DAYS,
              accounts=st.sampled_from([(), (Account(venue="v", account="a"),)]),
              valid_from=DAYS, valid_to=ENDS),
    st.builds(LabelledAddress, address=st.sampled_from([A, B, C]), investor=st.none() | IDS,
              labels=st.sampled_from([(), ("custodian",)]), valid_from=DAYS, valid_to=ENDS),
    st.builds(VenueAccount, venue=st.just("v"), account=st.just("a"), investor=IDS),
    st.builds(Sanction, address=st.sampled_from([A, B]), list=st.sampled_from(["X", "Y"])),
    st.builds(ListEntry, list=st.just("insider"), investor=IDS, valid_from=DAYS, valid_to=ENDS,
              token=st.sampled_from([None, "acme"])),
    st.builds(Verification, provider=st.just("p"), investor=IDS, country=st.just("NL"),
              status=st.sampled_from(["verified", "rejected"]), expires=DAYS),
    st.builds(Token, id=st.just("acme"), valid_from=DAYS, valid_to=ENDS,
              classification=st.sampled_from(["reg-s", "mica"])),
    st.builds(CorporateEvent, id=st.just("e"), token=st.just("acme"), type=st.just("nav"),
              announced=st.just("2025-01-01")),
)  # fmt: skip


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, ReferenceChange, ReferenceRecord | None]:
    source, record = draw(st.sampled_from(["", "crm", "kyc"])), draw(RECORDS)
    try:
        change = change_of(record)
    except ValueError:  # its end is before its beginning
        record = Investor(id="I")
        change = change_of(record)
    if draw(st.booleans()):
        return source, withdrawal(change.identity), None
    return source, change, record


def said(enrichment: Enrichment) -> list[object]:
    times = [at("2024-01-01"), at("2025-02-01"), at("2025-05-01"), at("2027-01-01")]
    return [
        *(enrichment.party(address, time) for address in (A, B, C) for time in times),
        *(enrichment.account("v", "a", time) for time in times),
        *(enrichment.token("acme", time) for time in times),
    ]


@given(st.lists(st.lists(changes(), max_size=4), max_size=8))
def test_what_holds_depends_on_what_sources_have_and_not_on_the_way_there(
    steps: list[list[tuple[str, ReferenceChange, ReferenceRecord | None]]],
) -> None:
    """Step by step, all at once, and from what is left at the end alone, give the same."""
    gradually, at_once = Enrichment(Reference()), Enrichment(Reference())
    left: dict[tuple[str, object], tuple[str, ReferenceChange, ReferenceRecord | None]] = {}
    for step in steps:
        for source, change, record in step:
            gradually.put(source, change, record)
            at_once.put(source, change, record)
            left[source, change.identity] = (source, change, record)
        gradually.settle()
    at_once.settle()
    from_the_end = Enrichment(Reference())
    for source, change, record in reversed(left.values()):
        if record is not None:
            from_the_end.put(source, change, record)
    from_the_end.settle()
    assert said(gradually) == said(at_once) == said(from_the_end)
