"""The FinCEN SAR (FinCEN Report 111) as XML for BSA E-Filing, of form type SARX.

Source: EFL_SARXBatchSchema.xsd 1.2 of FinCEN, and FinCEN's "XML Electronic Filing Requirements for
the FinCEN Suspicious Activity Report". 31 CFR 1023.320 for brokers and dealers; 30 days.
"""

import math
import re
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
from evidence.reports.suspicious.xml import Element
from normalizer.events.ecs import rfc3339
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node

MOST_NARRATIVE = 17_000
_BLOCK = 4_000

Identification = Literal["ssn", "ein", "tin", "foreign"]
#: `PartyIdentificationTypeCode`.
_TIN: dict[str, str] = {"ssn": "1", "ein": "2", "tin": "4", "foreign": "9"}
Regulator = Literal["federal-reserve", "fdic", "ncua", "occ", "sec", "irs", "cftc", "fhfa", "none"]
_REGULATORS: dict[Regulator, str] = {
    "federal-reserve": "1", "fdic": "2", "ncua": "3", "occ": "4", "sec": "6", "irs": "7",
    "cftc": "9", "fhfa": "13", "none": "99",
}  # fmt: skip
#: `OrganizationSubtypeID` of type 5, securities and futures.
Business = Literal[
    "clearing-broker", "introducing-broker", "execution-broker", "self-clearing-broker",
    "investment-company", "investment-adviser", "futures-commission-merchant",
    "self-regulatory-organization", "holding-company", "other",
]  # fmt: skip
_BUSINESSES: dict[Business, str] = {
    "clearing-broker": "535", "introducing-broker": "540", "execution-broker": "541",
    "self-clearing-broker": "542", "investment-company": "539", "investment-adviser": "514",
    "futures-commission-merchant": "508", "self-regulatory-organization": "529",
    "holding-company": "504", "other": "5999",
}  # fmt: skip
#: `SuspiciousActivityTypeID` and `SuspiciousActivitySubtypeID`.
Activity = Literal[
    "insider-trading", "misappropriation", "unauthorized-pooling", "market-manipulation",
    "wash-trading", "securities-fraud", "structuring", "source-of-funds", "multiple-accounts",
    "out-of-pattern", "no-lawful-purpose", "high-risk-jurisdiction", "working-together",
    "account-takeover", "other",
]  # fmt: skip
_ACTIVITIES: dict[Activity, tuple[str, str]] = {
    "insider-trading": ("6", "601"), "misappropriation": ("6", "603"),
    "unauthorized-pooling": ("6", "604"), "market-manipulation": ("6", "608"),
    "wash-trading": ("6", "609"), "securities-fraud": ("3", "325"), "structuring": ("1", "113"),
    "source-of-funds": ("8", "821"), "multiple-accounts": ("8", "807"),
    "out-of-pattern": ("8", "812"), "no-lawful-purpose": ("9", "925"),
    "high-risk-jurisdiction": ("9", "928"), "working-together": ("9", "911"),
    "account-takeover": ("9", "920"), "other": ("9", "9999"),
}  # fmt: skip
#: What the kinds of abuse that rules find are in FinCEN's words; the others are manipulation.
_BY_TYPOLOGY: dict[str, Activity] = {
    "wash_trading": "wash-trading", "insider_dealing": "insider-trading",
    "structuring": "structuring", "sanctions": "high-risk-jurisdiction",
    "wallet_draining": "account-takeover", "address_poisoning": "securities-fraud",
    "transfer_restrictions": "no-lawful-purpose", "offering_rules": "no-lawful-purpose",
    "large_transfers": "out-of-pattern",
}  # fmt: skip
#: `AssetSubtypeID` of type 5.
Instrument = Literal["stocks", "bonds", "hedge-fund", "mutual-fund", "microcap", "swap", "other"]
_INSTRUMENTS: dict[Instrument, str] = {
    "stocks": "19", "bonds": "2", "hedge-fund": "9", "mutual-fund": "13", "microcap": "47",
    "swap": "20", "other": "30",
}  # fmt: skip
Relationship = Literal[
    "customer", "employee", "agent", "director", "officer", "owner", "borrower", "none"
]
_RELATIONSHIPS: dict[str, str] = {
    "agent": "AgentIndicator", "borrower": "BorrowerIndicator", "customer": "CustomerIndicator",
    "director": "DirectorIndicator", "employee": "EmployeeIndicator",
    "none": "NoRelationshipToInstitutionIndicator", "officer": "OfficerIndicator",
    "owner": "OwnerShareholderIndicator",
}  # fmt: skip

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
    "subjects.birth_date": "2026-11-26; open: reported as unknown",
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
        _BY_TYPOLOGY.get(one.typology, "market-manipulation") for one in material.standing
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


def render(filing: Filing) -> dict[str, bytes]:
    """The files of the report."""
    root = Element("EFilingBatchXML")
    amount = filing.suspicion.amount
    root.attributes = {
        "xmlns": "www.fincen.gov/base",
        "TotalAmount": str(amount if isinstance(amount, int) else 0),
        "PartyCount": str(len(filing.subjects)),
        "ActivityCount": "1",
        "ActivityAttachmentCount": "0",
        "AttachmentCount": "0",
    }
    root.add("FormTypeCode", "SARX")
    activity = root.add("Activity")
    activity.some(
        {
            "EFilingPriorDocumentNumber": filing.prior_document,
            "FilingDateText": _compact(filing.filing_date),
            "FilingInstitutionNotetoFinCEN": _line(filing.note),
        }
    )
    kind = {
        "initial": "InitialReportIndicator",
        "correction": "CorrectsAmendsPriorReportIndicator",
        "continuing": "ContinuingActivityReportIndicator",
    }[filing.filing]
    activity.add("ActivityAssociation").add(kind, "Y")
    _transmitter(activity, filing.transmitter)
    _institution(activity, filing.institution)
    for subject in filing.subjects:
        _reported(activity, subject, filing.institution)
    _suspicion(activity, filing.suspicion)
    for number, block in enumerate(blocks(filing.narrative), 1):
        told = activity.add("ActivityNarrativeInformation")
        told.add("ActivityNarrativeSequenceNumber", number)
        told.add("ActivityNarrativeText", block)
    _number(activity)
    return {"fincen-sar.xml": root.document()}


def blocks(text: str) -> list[str]:
    """The narrative in parts of 4,000 characters."""
    return [text[start : start + _BLOCK] for start in range(0, len(text), _BLOCK)]


def _transmitter(activity: Element, one: Transmitter) -> None:
    party = _party(activity, "35")
    _name(party, one.name)
    _address(party, one.address)
    party.add("PhoneNumber").add("PhoneNumberText", one.phone)
    _identified(party, one.control_code, "28")
    _identified(party, one.tin, "4")
    _name(_party(activity, "37"), one.contact)


def _institution(activity: Element, one: Institution) -> None:
    party = _party(activity, "30")
    party.add("PrimaryRegulatorTypeCode", _REGULATORS[one.regulator])
    _name(party, one.name)
    _address(party, one.address)
    _identified(party, one.tin, _TIN[one.tin_type])
    _classified(party, one)
    contact = _party(activity, "8")
    _name(contact, one.contact_office)
    contact.add("PhoneNumber").add("PhoneNumberText", one.contact_phone)
    place = _party(activity, "34")
    place.add("NoBranchActivityInvolvedIndicator", "Y")
    place.add("PrimaryRegulatorTypeCode", _REGULATORS[one.regulator])
    _name(place, one.name)
    _address(place, one.address)
    _identified(place, one.tin, _TIN[one.tin_type])
    _classified(place, one)


def _classified(party: Element, one: Institution) -> None:
    kind = party.add("OrganizationClassificationTypeSubtype")
    kind.add("OrganizationSubtypeID", _BUSINESSES[one.business])
    kind.add("OrganizationTypeID", "5")
    if one.business == "other":
        kind.add("OtherOrganizationSubTypeText", _line(one.other_business))


def _reported(activity: Element, one: Subject, institution: Institution) -> None:
    party = _party(activity, "33")
    entity = one.kind == "entity"
    unknown = not one.last_name and not one.first_name and not one.tin and one.address is None
    party.some(
        {
            "AllCriticalSubjectInformationUnavailableIndicator": "Y" if unknown else None,
            "BirthDateUnknownIndicator": None if entity or one.birth_date or unknown else "Y",
            "IndividualBirthDateText": _compact(one.birth_date),
            "NoKnownAccountInvolvedIndicator": None if one.accounts else "Y",
            "PartyAsEntityOrganizationIndicator": "Y" if entity else None,
            "UnknownGenderIndicator": None if entity or unknown else "Y",
        }
    )
    name = party.add("PartyName")
    name.some(
        {
            "EntityLastNameUnknownIndicator": None if one.last_name or unknown else "Y",
            "FirstNameUnknownIndicator": None if entity or one.first_name or unknown else "Y",
            "PartyNameTypeCode": "L",
            "RawEntityIndividualLastName": _line(one.last_name),
            "RawIndividualFirstName": _line(one.first_name),
            "RawIndividualMiddleName": _line(one.middle_name),
        }
    )
    if one.address is not None:
        _address(party, one.address)
    elif not unknown:
        party.add("Address").some(
            {
                "CityUnknownIndicator": "Y",
                "CountryCodeUnknownIndicator": "Y",
                "StateCodeUnknownIndicator": "Y",
                "StreetAddressUnknownIndicator": "Y",
                "ZIPCodeUnknownIndicator": "Y",
            }
        )
    if one.phone is not None:
        party.add("PhoneNumber").add("PhoneNumberText", one.phone)
    if one.tin is not None:
        _identified(party, one.tin, _TIN[one.tin_type])
    elif not unknown:
        party.add("PartyIdentification").add("TINUnknownIndicator", "Y")
    if one.occupation is not None:
        party.add("PartyOccupationBusiness").add("OccupationBusinessText", _line(one.occupation))
    if one.email is not None:
        address = party.add("ElectronicAddress")
        address.add("ElectronicAddressText", one.email)
        address.add("ElectronicAddressTypeCode", "E")
    _related(party, one, institution)


def _related(party: Element, one: Subject, institution: Institution) -> None:
    related = party.add("PartyAssociation")
    related.add(_RELATIONSHIPS[one.relationship], "Y")
    if one.relationship != "none":
        related.add("SubjectRelationshipFinancialInstitutionTINText", institution.tin)
    if not one.accounts:
        return
    held = party.add("PartyAccountAssociation")
    held.add("PartyAccountAssociationTypeCode", "7")
    keeper = held.add("Party")
    keeper.add("ActivityPartyTypeCode", "41")
    _identified(keeper, institution.tin, "4")
    for number in one.accounts:
        account = keeper.add("Account")
        account.add("AccountNumberText", _line(number))
        account.add("PartyAccountAssociation").add("PartyAccountAssociationTypeCode", "5")


def _suspicion(activity: Element, one: Suspicion) -> None:
    told = activity.add("SuspiciousActivity")
    told.some(
        {
            "AmountUnknownIndicator": "Y" if one.amount == "unknown" else None,
            "NoAmountInvolvedIndicator": "Y" if one.amount == "none" else None,
            "SuspiciousActivityFromDateText": _compact(one.first_day),
            "SuspiciousActivityToDateText": _compact(one.last_day),
            "TotalSuspiciousAmountText": str(one.amount) if isinstance(one.amount, int) else None,
        }
    )
    for name in dict.fromkeys(one.activities):
        type_, subtype = _ACTIVITIES[name]
        kind = told.add("SuspiciousActivityClassification")
        if name == "other":
            kind.add("OtherSuspiciousActivityTypeText", _line(one.other_activity))
        kind.add("SuspiciousActivitySubtypeID", subtype)
        kind.add("SuspiciousActivityTypeID", type_)
    for name in dict.fromkeys(one.instruments):
        asset = activity.add("Assets")
        asset.add("AssetSubtypeID", _INSTRUMENTS[name])
        asset.add("AssetTypeID", "5")
        if name == "other":
            asset.add("OtherAssetSubtypeText", _line(one.other_instrument))


def _party(activity: Element, kind: str) -> Element:
    party = activity.add("Party")
    party.add("ActivityPartyTypeCode", kind)
    return party


def _name(party: Element, name: str) -> None:
    told = party.add("PartyName")
    told.add("PartyNameTypeCode", "L")
    told.add("RawPartyFullName", _line(name))


def _address(party: Element, one: Address) -> None:
    party.add("Address").some(
        {
            "RawCityText": _line(one.city),
            "RawCountryCodeText": one.country,
            "RawStateCodeText": one.state,
            "RawStreetAddress1Text": _line(one.street),
            "RawZIPCode": one.zip,
        }
    )


def _identified(party: Element, number: str, kind: str) -> None:
    told = party.add("PartyIdentification")
    told.add("PartyIdentificationNumberText", number)
    told.add("PartyIdentificationTypeCode", kind)


def _number(root: Element) -> None:
    """`SeqNum` of all elements that have others in them, unique in the batch."""
    count = 0
    waiting = [root]
    while waiting:
        one = waiting.pop(0)
        if one.children:
            count += 1
            one.attributes["SeqNum"] = str(count)
        waiting = one.children + waiting


def _line(text: str | None) -> str | None:
    """One line, as the schema wants texts: no space at the ends, no line ends or tabs."""
    return None if text is None else re.sub(r"\s+", " ", text).strip()


def _compact(day: str | None) -> str | None:
    return None if day is None else day.replace("-", "")
