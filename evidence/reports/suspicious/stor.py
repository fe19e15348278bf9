"""The suspicious transaction and order report of MAR Article 16, with the fields of its template.

There is no XML schema for all of the Union: authorities take the template as a form, or have a
portal of their own. So it is made three times from the same fields: XML and CSV for machines, a PDF
as form.
Source: Commission Delegated Regulation (EU) 2016/957, Annex, Sections 1 to 6.
"""

import csv
import io
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from evidence.reports.suspicious.fields import (
    CaseId,
    Country,
    Day,
    Email,
    Form,
    Lei,
    Template,
    Text,
    at,
    builtins,
    limited,
)
from evidence.reports.suspicious.material import Material
from evidence.reports.suspicious.narrative import clock, narrative, printable_lines
from evidence.reports.suspicious.parties import Party
from evidence.reports.suspicious.xml import Element
from pipeline.problems import Problem
from pipeline.yaml_nodes import Node

FORM: Form = "stor"
MOST_NARRATIVE = 20_000
Long = Annotated[str, limited(MOST_NARRATIVE)]
Isin = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}[A-Z0-9]{9}[0-9]$(?!\n)", description="12 characters (ISO 6166)")
]
Mic = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]{4}$(?!\n)", description="four characters (ISO 10383)")
]
Cfi = Annotated[
    str, Meta(pattern=r"^[A-Z]{6}$(?!\n)", description="six capital letters (ISO 10962)")
]
Suspicion = Literal[
    "insider dealing", "market manipulation", "attempted insider dealing",
    "attempted market manipulation",
]  # fmt: skip


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Contact(_Part, kw_only=True):
    """Whom the authority may ask."""

    name: Text
    position: Text
    email: Email


class Submitter(_Part, kw_only=True):
    """Section 1: who submits it."""

    name: Text
    position: Text
    entity: Text
    legal_form: Text | None = None
    lei: Lei | None = None
    address: Text
    country: Country
    #: Such as operating a trading venue, or executing orders on behalf of clients.
    capacity: Text
    trading_activity: Text | None = None
    relationship: Text
    contact: Contact


class Transaction(_Part, kw_only=True):
    """Section 2: the orders and transactions."""

    instrument: Text
    #: Where there is one; a token without it is named by its contract in `other_code`.
    isin: Isin | None = None
    other_code: Text | None = None
    cfi: Cfi | None = None
    instrument_type: Text
    #: With their time zone.
    times: Text
    venue: Text
    mic: Mic | Literal["XOFF", "XXXX"] | None = None
    order_country: Country | None = None
    execution_country: Country
    description: Long


class Nature(_Part, kw_only=True):
    """Section 3: what is suspected, and why."""

    breach: Annotated[list[Suspicion], Meta(min_length=1)]
    reasons: Long


class Person(_Part, kw_only=True):
    """Section 4: whose orders or transactions they are."""

    #: As Tapewatch knows them; it is not in the report.
    key: str
    kind: Literal["person", "entity"]
    name: Text
    legal_form: Text | None = None
    lei: Lei | None = None
    birth_date: Day | None = None
    national_id: Text | None = None
    address: Text | None = None
    employment: Text | None = None
    accounts: list[Text] = field(default_factory=list[str])
    client_identifier: Text | None = None
    relationship_with_issuer: Text | None = None


class Additional(_Part, kw_only=True):
    """Section 5: what else the authority should know."""

    position: Text | None = None
    intervention: Text | None = None
    portfolio: Text | None = None
    client_since: Day | None = None
    desk: Text | None = None
    trading_patterns: Long | None = None
    others_involved: Long | None = None


class Filing(_Part, kw_only=True):
    """All that a person fills in, checks and corrects."""

    form: Literal["stor"]
    case: CaseId
    date: Day
    submitter: Submitter
    transaction: Transaction
    nature: Nature
    persons: Annotated[list[Person], Meta(min_length=1, max_length=500)]
    additional: Additional = field(default_factory=Additional)
    attachments: list[Text] = field(default_factory=list[str])


class Profile(Struct, kw_only=True):
    """What is the same in every report."""

    submitter: Submitter | None = None


_WANTED = {
    "date": "the day on which it is submitted",
    "submitter.name": "first and last name of who is in charge of the submission",
    "submitter.legal_form": "optional",
    "submitter.lei": "optional: 20 characters",
    "submitter.capacity": "such as: operating a trading venue",
    "submitter.trading_activity": "if available",
    "submitter.relationship": "with the suspected person, such as: member of the venue",
    "transaction.isin": "where there is one",
    "transaction.cfi": "where there is one",
    "transaction.instrument_type": "by the taxonomy used, such as: transferable security on DLT",
    "transaction.mic": "of the venue; XOFF outside one",
    "transaction.order_country": "if available",
    "transaction.execution_country": "two letters",
    "nature.breach": "insider dealing, market manipulation, attempted ...",
    "persons.key": "as Tapewatch knows them; not in the report",
    "persons.kind": "person or entity",
    "persons.birth_date": "of a person",
    "persons.national_id": "where applicable",
    "persons.lei": "of an entity",
    "persons.client_identifier": "of transaction reporting (MiFIR), or any other code",
    "persons.employment": "place and position, where known",
    "persons.relationship_with_issuer": "where applicable and known",
    "additional": "all optional",
}
#: What a spreadsheet would take for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_INSIDER = ("insider_dealing", "front_running")


def template(material: Material, profile: Profile) -> Template:
    """The file to be filled in, with what is known."""
    names = ("name", "position", "entity", "legal_form", "lei", "address", "country", "capacity",
             "trading_activity", "relationship")  # fmt: skip
    submitter = dict.fromkeys(names) | {"contact": dict.fromkeys(("name", "position", "email"))}
    one = material.instruments[0] if material.instruments else None
    insider = any(one in _INSIDER for one in material.typologies)
    others = any(one not in _INSIDER for one in material.typologies)
    breach = [
        kind
        for kind, there in (("insider dealing", insider), ("market manipulation", others))
        if there
    ]
    return Template(
        head=(
            "Suspicious transaction and order report (Delegated Regulation (EU) 2016/957).",
            "Fill in what is open, correct the rest, and read the reasons.",
            "Then: tapewatch report build FOLDER",
        ),
        wanted=_WANTED,
        values={
            "form": FORM,
            "case": material.case_id,
            "date": None,
            "submitter": builtins(profile.submitter) if profile.submitter else submitter,
            "transaction": {
                "instrument": ", ".join(dict.fromkeys(x.name for x in material.instruments))
                or None,
                "isin": None,
                "other_code": one.token_address or None if one else None,
                "cfi": None,
                "instrument_type": None,
                "times": _times(material),
                "venue": (one.venue or one.network or None) if one else None,
                "mic": None,
                "order_country": None,
                "execution_country": None,
                "description": _description(material),
            },
            "nature": {"breach": breach, "reasons": narrative(material, MOST_NARRATIVE)},
            "persons": [_person(party) for party in material.parties],
            "additional": dict.fromkeys(
                ("position", "intervention", "portfolio", "client_since", "desk",
                 "trading_patterns", "others_involved")
            ),
            "attachments": ["Timeline of the case: timeline.html, timeline.csv"],
        },
    )  # fmt: skip


def _person(party: Party) -> dict[str, object]:
    return {
        "key": party.key,
        "kind": None,
        "name": None,
        "birth_date": None,
        "lei": None,
        "national_id": None,
        "address": None,
        "employment": None,
        "accounts": [*party.accounts, *party.wallets],
        "client_identifier": None,
        "relationship_with_issuer": None,
    }


def _times(material: Material) -> str:
    return f"{clock(material.first)} to {clock(material.last)}"


def _description(material: Material) -> str:
    lines = [
        f"{clock(one.time)}: {one.sentence}"
        + (f"; order {', '.join(one.order_ids)}" if one.order_ids else "")
        + (f"; trade {one.trade_id}" if one.trade_id else "")
        + (f"; transaction {one.transaction_hash}" if one.transaction_hash else "")
        for one in material.events[:50]
    ]
    left = len(material.events) + material.more_events - len(lines)
    if left:
        lines.append(f"and {left:,} further events in the attached timeline")
    return printable_lines("\n".join(lines) or "see the attached timeline")[:MOST_NARRATIVE]


def problems(filing: Filing, node: Node) -> list[Problem]:
    """What the records can't say of it, with its place."""
    found: list[Problem] = []
    told = filing.transaction
    if told.isin is None and told.other_code is None:
        place = at(node, "transaction")
        found.append(place.problem("report/stor", "the instrument has an isin or an other_code"))
    if told.isin is not None and not _isin_right(told.isin):
        place = at(node, "transaction", "isin")
        found.append(place.problem("report/stor", "its check digit is another (ISO 6166)"))
    for number, one in enumerate(filing.persons):
        if one.kind == "entity" and one.birth_date:
            place = at(node, "persons", number, "birth_date")
            found.append(place.problem("report/stor", "an entity has no date of birth"))
        if one.kind == "person" and (one.lei or one.legal_form):
            place = at(node, "persons", number)
            found.append(place.problem("report/stor", "a person has no lei and no legal_form"))
    for name, lei in (
        (("submitter", "lei"), filing.submitter.lei),
        *((("persons", at_, "lei"), one.lei) for at_, one in enumerate(filing.persons)),
    ):
        if lei is not None and not _lei_right(lei):
            place = at(node, *name)
            found.append(place.problem("report/stor", "its check digits are others (ISO 17442)"))
    return found


def _lei_right(lei: str) -> bool:
    """ISO/IEC 7064, MOD 97-10."""
    return int("".join(str(int(char, 36)) for char in lei)) % 97 == 1


def _isin_right(isin: str) -> bool:
    """Luhn's check over the digits, letters by their numbers."""
    digits = "".join(str(int(char, 36)) for char in isin)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


class Row(Struct, frozen=True):
    """One field of the template: its section, its name there, and what is said."""

    section: str
    element: str
    field: str
    value: str


def rows(filing: Filing) -> list[Row]:
    """All fields of the template, in its order; those of a person once for each."""
    one, two, three, five = filing.submitter, filing.transaction, filing.nature, filing.additional
    found: list[Row] = []

    def tell(section: str, *fields: tuple[str, str, str | None]) -> None:
        found.extend(Row(section, element, name, value) for element, name, value in fields if value)

    entity = ", ".join(
        x for x in (one.entity, one.legal_form, f"LEI {one.lei}" if one.lei else "") if x
    )
    contact = f"{one.contact.name}, {one.contact.position}, {one.contact.email}"
    tell(
        "1 Identity of entity/person submitting the STOR",
        ("NaturalPerson", "Name of the natural person", one.name),
        ("Position", "Position within the reporting entity", one.position),
        ("ReportingEntity", "Name of the reporting entity", entity),
        ("Address", "Address of the reporting entity", f"{one.address}, {one.country}"),
        ("Capacity", "Acting capacity of entity", one.capacity),
        ("TradingActivity", "Type of trading activity", one.trading_activity),
        ("Relationship", "Relationship with the person in respect of which the STOR is submitted",
         one.relationship),
        ("Contact", "Contact for additional request for information", contact),
    )  # fmt: skip
    codes = (("ISIN", two.isin), ("code", two.other_code), ("CFI", two.cfi))
    instrument = [two.instrument, *(f"{name} {code}" for name, code in codes if code)]
    countries = (("order given", two.order_country), ("executed", two.execution_country))
    tell(
        "2 Transaction/order",
        ("Instrument", "Description of the financial instrument",
         ", ".join([*instrument, two.instrument_type])),
        ("Times", "Date and time of transactions or orders", two.times),
        ("Market", "Market where order or transaction occurred",
         two.venue + (f" ({two.mic})" if two.mic else "")),
        ("Location", "Location (country)",
         ", ".join(f"{what} in {code}" for what, code in countries if code)),
        ("Description", "Description of the order or transaction", two.description),
    )  # fmt: skip
    tell(
        "3 Description of the nature of the suspicion",
        ("Nature", "Nature of the suspicion", ", ".join(three.breach)),
        ("Reasons", "Reasons for the suspicion", three.reasons),
    )
    for number, who in enumerate(filing.persons, 1):
        name = ", ".join(
            x for x in (who.name, who.legal_form, f"LEI {who.lei}" if who.lei else "") if x
        )
        tell(
            f"4 Identity of the suspected person ({number})",
            ("Name", "Name", name),
            ("BirthDate", "Date of birth", who.birth_date),
            ("NationalId", "National Identification Number", who.national_id),
            ("Address", "Address", who.address),
            ("Employment", "Information about the employment", who.employment),
            ("Accounts", "Account number(s)", ", ".join(who.accounts)),
            ("ClientIdentifier", "Client identifier under transaction reporting",
             who.client_identifier),
            ("RelationshipWithIssuer", "Relationship with the issuer",
             who.relationship_with_issuer),
        )  # fmt: skip
    tell(
        "5 Additional information",
        ("PositionOfPerson", "Position of suspected entity/person", five.position),
        ("Intervention", "Nature of the intervention", five.intervention),
        ("Portfolio", "Size of the portfolio", five.portfolio),
        ("ClientSince", "Date on which the business relationship started", five.client_since),
        ("Desk", "Type of activity of the trading desk", five.desk),
        ("TradingPatterns", "Trading patterns of the suspected person", five.trading_patterns),
        ("OthersInvolved", "Other entities/persons known to be involved", five.others_involved),
    )
    tell("6 Documentation attached", *(("Attachment", "Attachment", x) for x in filing.attachments))
    return found


def render(filing: Filing) -> dict[str, bytes]:
    """The files of the report."""
    from evidence.reports.suspicious.stor_pdf import available, render_pdf

    told = rows(filing)
    files = {"stor.xml": _xml(filing, told), "stor.csv": _csv(told)}
    if available():
        files["stor.pdf"] = render_pdf(filing.case, filing.date, told)
    return files


def _xml(filing: Filing, told: list[Row]) -> bytes:
    root = Element("STOR", template="2016/957", reference=filing.case, date=filing.date)
    section = None
    for row in told:
        if section is None or section.attributes["title"] != row.section:
            section = root.add("Section", number=row.section[0], title=row.section)
        section.add(row.element, row.value, field=row.field)
    return root.document()


def _csv(told: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["section", "field", "value"])
    for row in told:
        writer.writerow([_cell(row.section), _cell(row.field), _cell(row.value)])
    return text.getvalue().encode()


def _cell(text: str) -> str:
    """A value that a spreadsheet would take for a formula is marked as text."""
    told = printable_lines(text)
    return f"'{told}" if told.startswith(_FORMULA) else told
