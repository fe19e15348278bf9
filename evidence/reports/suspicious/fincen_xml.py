"""The FinCEN SAR as XML for BSA E-Filing, of form type SARX.

Source: EFL_SARXBatchSchema.xsd 1.2 of FinCEN, and FinCEN's "XML Electronic Filing Requirements for
the FinCEN Suspicious Activity Report".
"""

import re

from evidence.reports.suspicious.fincen import (
    Activity,
    Address,
    Business,
    Filing,
    Identification,
    Institution,
    Instrument,
    Regulator,
    Relationship,
    Subject,
    Suspicion,
    Transmitter,
)
from evidence.reports.suspicious.xml import Element

_BLOCK = 4_000
#: `PartyIdentificationTypeCode`.
_TIN: dict[Identification, str] = {"ssn": "1", "ein": "2", "tin": "4", "foreign": "9"}
_REGULATORS: dict[Regulator, str] = {
    "federal-reserve": "1", "fdic": "2", "ncua": "3", "occ": "4", "sec": "6", "irs": "7",
    "cftc": "9", "fhfa": "13", "none": "99",
}  # fmt: skip
#: `OrganizationSubtypeID` of type 5, securities and futures.
_BUSINESSES: dict[Business, str] = {
    "clearing-broker": "535", "introducing-broker": "540", "execution-broker": "541",
    "self-clearing-broker": "542", "investment-company": "539", "investment-adviser": "514",
    "futures-commission-merchant": "508", "self-regulatory-organization": "529",
    "holding-company": "504", "other": "5999",
}  # fmt: skip
#: `SuspiciousActivityTypeID` and `SuspiciousActivitySubtypeID`.
_ACTIVITIES: dict[Activity, tuple[str, str]] = {
    "insider-trading": ("6", "601"), "misappropriation": ("6", "603"),
    "unauthorized-pooling": ("6", "604"), "market-manipulation": ("6", "608"),
    "wash-trading": ("6", "609"), "securities-fraud": ("3", "325"), "structuring": ("1", "113"),
    "source-of-funds": ("8", "821"), "multiple-accounts": ("8", "807"),
    "out-of-pattern": ("8", "812"), "no-lawful-purpose": ("9", "925"),
    "high-risk-jurisdiction": ("9", "928"), "working-together": ("9", "911"),
    "account-takeover": ("9", "920"), "other": ("9", "9999"),
}  # fmt: skip
#: `AssetSubtypeID` of type 5.
_INSTRUMENTS: dict[Instrument, str] = {
    "stocks": "19", "bonds": "2", "hedge-fund": "9", "mutual-fund": "13", "microcap": "47",
    "swap": "20", "other": "30",
}  # fmt: skip
#: The element that says it.
_RELATIONSHIPS: dict[Relationship, str] = {
    "agent": "AgentIndicator", "borrower": "BorrowerIndicator", "customer": "CustomerIndicator",
    "director": "DirectorIndicator", "employee": "EmployeeIndicator",
    "none": "NoRelationshipToInstitutionIndicator", "officer": "OfficerIndicator",
    "owner": "OwnerShareholderIndicator",
}  # fmt: skip


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
