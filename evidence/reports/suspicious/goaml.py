"""The suspicious activity report of goAML, as XML by its schema 4: what is reported is an activity.

Source: UNODC, "goAML Schema 4.0/4.2, Standard XML Reporting Instructions and Specifications". Codes
of reports, indicators and countries' own rules are lookups of each country's unit.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from evidence.reports.suspicious.fields import (
    CaseId,
    Country,
    Currency,
    Day,
    Email,
    Form,
    Template,
    Text,
    at,
    builtins,
    limited,
)
from evidence.reports.suspicious.material import Material
from evidence.reports.suspicious.narrative import narrative
from evidence.reports.suspicious.parties import Party
from evidence.reports.suspicious.xml import Element
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node

FORM: Form = "goaml"
MOST_REASON = 4_000


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Address(_Part, kw_only=True):
    """Where somebody is. `type`: code of the unit's lookup, such as B (business) or P (private)."""

    type: Annotated[str, limited(10)] = "B"
    address: Annotated[str, limited(100)]
    city: Text
    zip: Annotated[str, limited(10)] | None = None
    country: Country


class ReportingPerson(_Part, kw_only=True):
    """Who answers for the report at the reporting entity."""

    first_name: Annotated[str, limited(100)]
    last_name: Annotated[str, limited(100)]
    email: Email
    occupation: Text | None = None


class Entity(_Part, kw_only=True):
    """Who reports, as registered with the unit."""

    rentity_id: Annotated[int, Meta(ge=1)]
    branch: Text | None = None
    #: Name and code of the institution that keeps the accounts.
    institution_name: Text
    institution_code: Annotated[str, limited(50)]
    reporting_person: ReportingPerson
    location: Address


class Subject(_Part, kw_only=True):
    """Whom the report is about: a person by first and last name, or an entity by `name`."""

    #: As Tapewatch knows them; it is in the report as the client's number only if asked for.
    key: str
    kind: Literal["person", "entity"]
    name: Text | None = None
    first_name: Annotated[str, limited(100)] | None = None
    last_name: Annotated[str, limited(100)] | None = None
    birth_date: Day | None = None
    #: Registration or identity number.
    id_number: Annotated[str, limited(25)] | None = None
    nationality: Country | None = None
    address: Address | None = None
    #: Why, in the report; 0 to 10: how much they matter in it.
    reason: Annotated[str, limited(MOST_REASON)]
    significance: Annotated[int, Meta(ge=0, le=10)] = 10
    accounts: list[Annotated[str, limited(50)]] = field(default_factory=list[str])
    wallets: list[Annotated[str, limited(100)]] = field(default_factory=list[str])


class Filing(_Part, kw_only=True):
    """All that a person fills in, checks and corrects."""

    form: Literal["goaml"]
    case: CaseId
    #: `SAR` in most countries; the code of the unit's lookup for an activity.
    report_code: Annotated[
        str, Meta(pattern=r"^[A-Z0-9_]{2,10}$(?!\n)", description="a code such as SAR")
    ]
    submission_date: Day
    currency: Currency
    fiu_ref_number: Text | None = None
    entity: Entity
    subjects: Annotated[list[Subject], Meta(min_length=1, max_length=500)]
    #: Codes of the unit's lookup of indicators.
    indicators: Annotated[list[Annotated[str, limited(25)]], Meta(min_length=1, max_length=100)]
    action: Annotated[str, limited(MOST_REASON)]
    narrative: Annotated[str, limited(MOST_REASON)]


class Profile(Struct, kw_only=True):
    """What is the same in every report."""

    entity: Entity | None = None
    currency: Currency | None = None


_WANTED = {
    "report_code": "of the unit's lookup; SAR in most countries",
    "submission_date": "the day on which it is submitted",
    "currency": "of the country: three letters",
    "fiu_ref_number": "optional: of the unit's request that it answers",
    "entity.rentity_id": "the number that the unit gave the reporting entity",
    "entity.institution_code": "or its BIC",
    "entity.location.zip": "optional",
    "subjects.kind": "person or entity",
    "subjects.name": "of an entity",
    "subjects.first_name": "of a person",
    "subjects.birth_date": "open where it is unknown",
    "subjects.id_number": "open where it is unknown",
    "subjects.nationality": "open where it is unknown",
    "subjects.significance": "0 to 10",
    "subjects.address": "open where it is unknown; else type, address, city, zip, country",
    "indicators": "codes of the unit's lookup, such as [MMN]",
    "action": "what was done about it, such as: account suspended",
}


def template(material: Material, profile: Profile) -> Template:
    """The file to be filled in, with what is known."""
    address = dict.fromkeys(("address", "city", "zip", "country"))
    entity = dict.fromkeys(("rentity_id", "institution_name", "institution_code")) | {
        "reporting_person": dict.fromkeys(("first_name", "last_name", "email", "occupation")),
        "location": address,
    }
    return Template(
        head=(
            "goAML suspicious activity report. Fill in what is open, correct the rest, and read",
            "the narrative. Then: tapewatch report build FOLDER",
        ),
        wanted=_WANTED,
        values={
            "form": FORM,
            "case": material.case_id,
            "report_code": "SAR",
            "submission_date": None,
            "currency": profile.currency,
            "fiu_ref_number": None,
            "entity": builtins(profile.entity) if profile.entity else entity,
            "subjects": [_subject(one, material) for one in material.parties],
            "indicators": None,
            "action": None,
            "narrative": narrative(material, MOST_REASON),
        },
    )


def _subject(party: Party, material: Material) -> dict[str, object]:
    kinds = [one.replace("_", " ") for one in material.typologies] or ["market abuse"]
    return {
        "key": party.key,
        "kind": None,
        "name": None,
        "first_name": None,
        "last_name": None,
        "birth_date": None,
        "id_number": None,
        "nationality": None,
        "address": None,
        "reason": f"Suspected {', '.join(kinds)}",
        "significance": 10,
        "accounts": [one for one in party.accounts if len(one) <= 50],
        "wallets": list(party.wallets),
    }


def problems(filing: Filing, node: Node) -> list[Problem]:
    """What the records can't say of it, with its place."""
    found: list[Problem] = []
    for number, one in enumerate(filing.subjects):
        place = at(node, "subjects", number)
        if one.kind == "person" and not (one.first_name and one.last_name):
            found.append(place.problem("report/goaml", "a person has first_name and last_name"))
        if one.kind == "entity" and not one.name:
            found.append(place.problem("report/goaml", "an entity has a name"))
        if one.kind == "entity" and (one.first_name or one.last_name or one.birth_date):
            text = "an entity has no first_name, last_name and birth_date"
            found.append(place.problem("report/goaml", text))
    return found


def render(filing: Filing) -> dict[str, bytes]:
    """The files of the report."""
    root = Element("report")
    entity = filing.entity
    root.some(
        {
            "rentity_id": entity.rentity_id,
            "rentity_branch": _line(entity.branch),
            "submission_code": "E",
            "report_code": filing.report_code,
            "entity_reference": filing.case,
            "fiu_ref_number": _line(filing.fiu_ref_number),
            "submission_date": _moment(filing.submission_date),
            "currency_code_local": filing.currency,
        }
    )
    person = entity.reporting_person
    root.add("reporting_person").some(
        {
            "first_name": _line(person.first_name),
            "last_name": _line(person.last_name),
            "email": person.email,
            "occupation": _line(person.occupation),
        }
    )
    _address(root.add("location"), entity.location)
    root.add("reason", filing.narrative)
    root.add("action", filing.action)
    parties = root.add("activity").add("report_parties")
    for subject in filing.subjects:
        _party(parties, subject, entity)
    indicators = root.add("report_indicators")
    for code in dict.fromkeys(filing.indicators):
        indicators.add("indicator", _line(code))
    return {"goaml.xml": root.document()}


def _party(parties: Element, one: Subject, entity: Entity) -> None:
    party = parties.add("report_party")
    if one.kind == "person":
        person = party.add("person")
        person.some(
            {
                "first_name": _line(one.first_name),
                "last_name": _line(one.last_name),
                "birthdate": None if one.birth_date is None else _moment(one.birth_date),
                "id_number": _line(one.id_number),
                "nationality1": one.nationality,
            }
        )
        if one.address is not None:
            _address(person.add("addresses").add("address"), one.address)
        _wallets(person, one)
    else:
        company = party.add("entity")
        company.some({"name": _line(one.name), "incorporation_number": _line(one.id_number)})
        if one.address is not None:
            _address(company.add("addresses").add("address"), one.address)
        company.some({"incorporation_country_code": one.nationality})
        _wallets(company, one)
    party.add("significance", one.significance)
    party.add("reason", one.reason)
    for number in one.accounts:
        held = parties.add("report_party")
        account = held.add("account")
        account.add("institution_name", _line(entity.institution_name))
        account.add("institution_code", _line(entity.institution_code))
        account.add("account", _line(number))
        held.add("significance", one.significance)
        held.add("reason", one.reason)


def _wallets(place: Element, one: Subject) -> None:
    if one.wallets:
        place.add("comments", ("Wallets: " + ", ".join(one.wallets))[:MOST_REASON])


def _address(place: Element, one: Address) -> None:
    place.some(
        {
            "address_type": _line(one.type),
            "address": _line(one.address),
            "city": _line(one.city),
            "zip": _line(one.zip),
            "country_code": one.country,
        }
    )


def _line(text: str | None) -> str | None:
    return None if text is None else re.sub(r"\s+", " ", text).strip()


def _moment(day: str) -> str:
    return f"{day}T00:00:00"
