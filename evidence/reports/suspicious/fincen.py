"""The FinCEN SAR (FinCEN Report 111): what a person fills in and checks.

Source: FinCEN's "XML Electronic Filing Requirements for the FinCEN Suspicious Activity Report".
31 CFR 1023.320 for brokers and dealers; 30 days. :mod:`evidence.reports.suspicious.fincen_xml`
makes the file of it.
"""

import math
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from evidence.reports.suspicious.fields import (
    CaseId,
    Country,
    Day,
    Form,
    Template,
    at,
    builtins,
    limited,
)
from evidence.reports.suspicious.material import Material
from evidence.reports.suspicious.narrative import narrative
from evidence.reports.suspicious.parties import Party
from normalizer.events.ecs import rfc3339
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node

MOST_NARRATIVE = 17_000

Identification = Literal["ssn", "ein", "tin", "foreign"]
Regulator = Literal["federal-reserve", "fdic", "ncua", "occ", "sec", "irs", "cftc", "fhfa", "none"]
Business = Literal[
    "clearing-broker", "introducing-broker", "execution-broker", "self-clearing-broker",
    "investment-company", "investment-adviser", "futures-commission-merchant",
    "self-regulatory-organization", "holding-company", "other",
]  # fmt: skip
Activity = Literal[
    "insider-trading", "misappropriation", "unauthorized-pooling", "market-manipulation",
    "wash-trading", "securities-fraud", "structuring", "source-of-funds", "multiple-accounts",
    "out-of-pattern", "no-lawful-purpose", "high-risk-jurisdiction", "working-together",
    "account-takeover", "other",
]  # fmt: skip
#: What the kinds of abuse that rules find are in FinCEN's words; the others are manipulation.
_BY_TYPOLOGY: dict[str, Activity] = {
    "wash_trading": "wash-trading", "insider_dealing": "insider-trading",
    "structuring": "structuring", "sanctions": "high-risk-jurisdiction",
    "wallet_draining": "account-takeover", "address_poisoning": "securities-fraud",
    "transfer_restrictions": "no-lawful-purpose", "offering_rules": "no-lawful-purpose",
    "large_transfers": "out-of-pattern",
}  # fmt: skip
Instrument = Literal["stocks", "bonds", "hedge-fund", "mutual-fund", "microcap", "swap", "other"]
Relationship = Literal[
    "customer", "employee", "agent", "director", "officer", "owner", "borrower", "none"
]

Tin = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9]{1,25}$(?!\n)", description="letters and digits, without hyphens"),
]
Phone = Annotated[str, Meta(pattern=r"^[0-9]{1,16}$(?!\n)", description="digits only")]
State = Annotated[
    str, Meta(pattern=r"^[A-Z]{2,3}$(?!\n)", description="two or three capital letters")
]
Zip = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]{1,9}$(?!\n)", description="at most 9, without hyphens")
]


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Address(_Part, kw_only=True):
    """Where somebody is."""

    street: Annotated[str, limited(100)]
    city: Annotated[str, limited(50)]
    #: Of the United States, Canada and Mexico only.
    state: State | None = None
    zip: Zip | None = None
    country: Country


class Transmitter(_Part, kw_only=True):
    """Who sends the batch (party type 35), with a contact (37)."""

    name: Annotated[str, limited(150)]
    tin: Tin
    #: Transmitter Control Code, as FinCEN gave it: eight characters, from P or T on.
    control_code: Annotated[
        str, Meta(pattern=r"^[A-Z0-9]{8}$(?!\n)", description="eight characters, such as PBSA8180")
    ]
    contact: Annotated[str, limited(150)]
    phone: Phone
    address: Address


class Institution(_Part, kw_only=True):
    """Who files (party type 30), and whom the authority may ask (8)."""

    name: Annotated[str, limited(150)]
    tin: Tin
    tin_type: Literal["ein", "ssn", "foreign"] = "ein"
    regulator: Regulator
    business: Business
    #: Where `business` is other.
    other_business: Annotated[str, limited(50)] | None = None
    contact_office: Annotated[str, limited(150)]
    contact_phone: Phone
    address: Address


class Subject(_Part, kw_only=True):
    """Whom the report is about (33). What is left open is reported as unknown."""

    #: As Tapewatch knows them; it is not in the report.
    key: str
    kind: Literal["person", "entity"]
    last_name: Annotated[str, limited(150)] | None = None
    first_name: Annotated[str, limited(35)] | None = None
    middle_name: Annotated[str, limited(35)] | None = None
    birth_date: Day | None = None
    tin: Tin | None = None
    tin_type: Identification = "ssn"
    occupation: Annotated[str, limited(50)] | None = None
    phone: Phone | None = None
    email: Annotated[str, limited(517)] | None = None
    address: Address | None = None
    relationship: Relationship
    accounts: list[Annotated[str, limited(40)]] = field(default_factory=list[str])


class Suspicion(_Part, kw_only=True):
    """What is suspected."""

    first_day: Day
    last_day: Day
    #: Whole US dollars, rounded up; or one of the words.
    amount: Annotated[int, Meta(ge=1, le=999_999_999_999_999)] | Literal["unknown", "none"]
    activities: Annotated[list[Activity], Meta(min_length=1, max_length=15)]
    #: Where `activities` have other.
    other_activity: Annotated[str, limited(50)] | None = None
    instruments: list[Instrument] = field(default_factory=list[Instrument])
    other_instrument: Annotated[str, limited(50)] | None = None


class Filing(_Part, kw_only=True):
    """All that a person fills in, checks and corrects."""

    form: Literal["fincen-sar"]
    case: CaseId
    filing_date: Day
    filing: Literal["initial", "correction", "continuing"] = "initial"
    #: BSA identifier of the report that is corrected or continued.
    prior_document: (
        Annotated[str, Meta(pattern=r"^\d{14}$(?!\n)", description="14 digits")] | None
    ) = None
    #: For FinCEN, such as an advisory's keyword.
    note: Annotated[str, limited(50)] | None = None
    transmitter: Transmitter
    institution: Institution
    subjects: Annotated[list[Subject], Meta(min_length=1, max_length=999)]
    suspicion: Suspicion
    narrative: Annotated[str, Meta(min_length=1, max_length=MOST_NARRATIVE)]


class Profile(Struct, kw_only=True):
    """What is the same in every report."""

    transmitter: Transmitter | None = None
    institution: Institution | None = None


FORM: Form = "fincen-sar"
_ADDRESS = {"street": None, "city": None, "state": None, "zip": None, "country": None}
_WANTED = {
    "filing_date": "the day on which it is filed",
    "prior_document": "optional: of the report that is corrected or continued, 14 digits",
    "note": "optional",
    "transmitter.tin": "digits only",
    "transmitter.control_code": "TCC, eight characters",
    "institution.regulator": "sec, cftc, federal-reserve, fdic, occ, ncua, irs, fhfa, none",
    "institution.business": "execution-broker, clearing-broker, investment-adviser, ... other",
    "institution.other_business": "only where business is other",
    "subjects.key": "as Tapewatch knows them; not in the report",
    "subjects.kind": "person or entity",
    "subjects.last_name": "or the entity's legal name; open: reported as unknown",
    "subjects.tin": "open: reported as unknown",
    "subjects.birth_date": "as 1970-01-31; open: reported as unknown",
    "subjects.address": "open: reported as unknown; else street, city, state, zip, country",
    "subjects.relationship": "customer, employee, agent, director, officer, owner, borrower, none",
    "suspicion.amount": "whole US dollars, unknown or none",
    "suspicion.other_activity": "only where activities have other",
    "suspicion.instruments": "stocks, bonds, hedge-fund, mutual-fund, microcap, swap, other",
    "suspicion.other_instrument": "only where instruments have other",
}


def template(material: Material, profile: Profile) -> Template:
    """The file to be filled in, with what is known."""
    kinds = dict.fromkeys(
        _BY_TYPOLOGY.get(one, "market-manipulation") for one in material.typologies
    )
    names = ("name", "tin", "control_code", "contact", "phone")
    transmitter = dict.fromkeys(names) | {"address": dict(_ADDRESS)}
    office = (
        "name",
        "tin",
        "regulator",
        "business",
        "other_business",
        "contact_office",
        "contact_phone",
    )
    institution = dict.fromkeys(office) | {"address": dict(_ADDRESS)}
    return Template(
        head=(
            "FinCEN SAR. Fill in what is open, correct the rest, and read the narrative.",
            "Then: tapewatch report build FOLDER",
        ),
        wanted=_WANTED,
        values={
            "form": FORM,
            "case": material.case_id,
            "filing_date": None,
            "filing": "initial",
            "prior_document": None,
            "note": None,
            "transmitter": builtins(profile.transmitter) if profile.transmitter else transmitter,
            "institution": builtins(profile.institution) if profile.institution else institution,
            "subjects": [_subject(one) for one in material.parties],
            "suspicion": {
                "first_day": _day(material.first),
                "last_day": _day(material.last),
                "amount": _amount(material),
                "activities": list(kinds),
                "other_activity": None,
                "instruments": ["other"],
                "other_instrument": "Security token",
            },
            "narrative": narrative(material, MOST_NARRATIVE),
        },
    )


def _subject(party: Party) -> dict[str, object]:
    return {
        "key": party.key,
        "kind": None,
        "last_name": None,
        "first_name": None,
        "birth_date": None,
        "tin": None,
        "occupation": None,
        "address": None,
        "relationship": None,
        "accounts": [one for one in [*party.accounts, *party.wallets] if len(one) <= 40],
    }


def _amount(material: Material) -> int | None:
    """Known where all of it was quoted in US dollars."""
    return math.ceil(material.worth["USD"]) if set(material.worth) == {"USD"} else None


def _day(moment: int) -> str:
    return rfc3339(moment)[:10]


def problems(filing: Filing, node: Node) -> list[Problem]:
    """What the schema can't say of it, with its place."""
    found: list[Problem] = []

    def wrong(place: Node, message: str) -> None:
        found.append(place.problem("report/fincen", message))

    if filing.filing != "initial" and filing.prior_document is None:
        wrong(at(node, "filing"), "a correction or continuation names its prior_document")
    if filing.institution.business == "other" and not filing.institution.other_business:
        wrong(at(node, "institution", "business"), "say which, as other_business")
    if "other" in filing.suspicion.activities and not filing.suspicion.other_activity:
        wrong(at(node, "suspicion", "activities"), "say which, as other_activity")
    if "other" in filing.suspicion.instruments and not filing.suspicion.other_instrument:
        wrong(at(node, "suspicion", "instruments"), "say which, as other_instrument")
    if filing.suspicion.first_day > filing.suspicion.last_day:
        wrong(at(node, "suspicion", "last_day"), "it is before first_day")
    if filing.suspicion.last_day > filing.filing_date:
        wrong(at(node, "filing_date"), "it is before what is reported: see suspicion.last_day")
    for number, one in enumerate(filing.subjects):
        if one.kind == "entity" and (one.first_name or one.birth_date):
            wrong(at(node, "subjects", number), "an entity has no first name and no birth date")
    return found
