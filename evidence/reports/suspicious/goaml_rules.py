"""A goAML report held against the documented rules of its schema, where the schema can't be had.

Independent of who wrote the document: order, presence, length and form of the elements of an
activity report, as the "Standard XML Reporting Instructions and Specifications" 4.0 and 4.2 have
them. What a country's unit demands besides, such as its lookups, only its own schema and portal
know.
"""

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import ParseError, fromstring


class Rule(NamedTuple):
    """One element of a sequence."""

    name: str
    required: bool = False
    most: int = 255
    form: str = ""
    many: bool = False


_DATE = r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\d"
_COUNTRY = r"[A-Z]{2}"
_ADDRESS = (
    Rule("address_type", True, 10), Rule("address", True, 100), Rule("town"),
    Rule("city", True), Rule("zip", most=10), Rule("country_code", True, form=_COUNTRY),
    Rule("state"), Rule("comments", most=4_000),
)  # fmt: skip
#: The sequence of each element that has others in it; `|`: one of several.
SEQUENCES: dict[str, tuple[Rule, ...]] = {
    "report": (
        Rule("rentity_id", True, form=r"[1-9]\d*"), Rule("rentity_branch"),
        Rule("submission_code", True, form="[EM]"), Rule("report_code", True, 10),
        Rule("entity_reference"), Rule("fiu_ref_number"),
        Rule("submission_date", True, form=_DATE),
        Rule("currency_code_local", True, form="[A-Z]{3}"), Rule("reporting_person", True),
        Rule("location"), Rule("reason", most=4_000), Rule("action", most=4_000),
        Rule("activity", True), Rule("report_indicators"),
    ),
    "reporting_person": (
        Rule("first_name", True, 100), Rule("last_name", True, 100), Rule("birthdate", form=_DATE),
        Rule("email"), Rule("occupation"),
    ),
    "location": _ADDRESS,
    "addresses": (Rule("address", True, many=True),),
    "activity": (Rule("report_parties", True),),
    "report_parties": (Rule("report_party", True, many=True),),
    "report_party": (
        Rule("person|account|entity", True), Rule("significance", form=r"10|\d"),
        Rule("reason", most=4_000), Rule("comments", most=4_000),
    ),
    "person": (
        Rule("first_name", True, 100), Rule("last_name", True, 100), Rule("birthdate", form=_DATE),
        Rule("id_number", most=25), Rule("nationality1", form=_COUNTRY), Rule("addresses"),
        Rule("comments", most=4_000),
    ),
    "entity": (
        Rule("name", True), Rule("incorporation_number", most=50), Rule("addresses"),
        Rule("incorporation_country_code", form=_COUNTRY), Rule("comments", most=4_000),
    ),
    "account": (
        Rule("institution_name", True), Rule("institution_code|swift", True, 50),
        Rule("account", True, 50), Rule("comments", most=4_000),
    ),
    "report_indicators": (Rule("indicator", True, 25, many=True),),
}  # fmt: skip


def broken_rules(document: bytes) -> list[str]:
    """What is against the rules, each with its place in the document."""
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except ParseError as error:
        return [f"/: it is no XML: {error}"]
    if root.tag != "report":
        return [f"/{root.tag}: the outermost element is report"]
    return _broken(root, "/report", SEQUENCES["report"])


def _broken(element: Element, path: str, sequence: tuple[Rule, ...]) -> list[str]:
    found: list[str] = []
    children = list(element)
    at = 0
    for rule in sequence:
        names = rule.name.split("|")
        here = 0
        while at < len(children) and children[at].tag in names and (not here or rule.many):
            here += 1
            child = children[at]
            place = f"{path}/{child.tag}" + (f"[{here}]" if rule.many else "")
            found += _child(child, place, element.tag, rule)
            at += 1
        if rule.required and not here:
            found.append(f"{path}: {' or '.join(names)} is missing, or not in its place")
    found += [f"{path}/{child.tag}: it is not allowed, or not here" for child in children[at:]]
    return found


def _child(child: Element, path: str, parent: str, rule: Rule) -> list[str]:
    # What is called so within `addresses` has parts; elsewhere it is a line of text.
    if child.tag == "address" and parent == "addresses":
        return _broken(child, path, _ADDRESS)
    inner = None if (child.tag, parent) == ("account", "account") else SEQUENCES.get(child.tag)
    if inner is not None:
        return _broken(child, path, inner)
    text = child.text or ""
    if len(child):
        return [f"{path}: it has elements in it, and should be a text"]
    if not text.strip():
        return [f"{path}: it is empty"]
    if len(text) > rule.most:
        return [f"{path}: {len(text):,} characters; at most {rule.most:,} are allowed"]
    if rule.form and not re.fullmatch(rule.form, text):
        return [f"{path}: it is not of the form {rule.form}"]
    return []
