"""What is personal is said once, at the field, and nothing personal is left unsaid."""

import json
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import Meta

from docs.generate import PAGES
from normalizer.events.taxonomy import fields, record_classes
from pipeline.personal_data import PERSONAL


def _said(hint: Any) -> list[str]:
    """The classes that a field's type and declaration name, from the inside out."""
    if get_origin(hint) is not Annotated:
        return [one for part in get_args(hint) for one in _said(part)]
    inner, *metas = get_args(hint)
    return _said(inner) + [
        str(meta.extra["personal"])
        for meta in metas
        if isinstance(meta, Meta) and meta.extra and "personal" in meta.extra
    ]


def test_all_records_that_have_a_field_say_the_same_of_it() -> None:
    said: dict[str, set[str | None]] = {}
    for record in record_classes():
        hints = get_type_hints(record, include_extras=True)
        for field in msgspec.structs.fields(record):
            outermost = _said(hints[field.name])
            said.setdefault(field.encode_name, set()).add(outermost[-1] if outermost else None)
    assert {name: found for name, found in said.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        ("investor.id", "identity"),
        ("investor.source.cluster", "identity"),
        ("source.address", "wallet"),
        ("investor.account", "account"),
        ("investor.jurisdiction", "attribute"),
        ("related.user", "mixed"),
        ("surveillance.entities", "mixed"),
        ("event.reason", "text"),
        ("message", "text"),
        ("blockchain.log.topics", "encoded"),
        ("rule.author", "staff"),
        ("token.address", None),
        ("blockchain.contract.address", None),
        ("market.trade.price", None),
    ],
)
def test_a_field_is_of_its_class(name: str, personal: str | None) -> None:
    assert fields()[name].personal == personal


def test_whatever_is_of_an_investor_is_personal_unless_its_declaration_says_otherwise() -> None:
    said: dict[str, list[str]] = {}
    for record in record_classes():
        hints = get_type_hints(record, include_extras=True)
        for field in msgspec.structs.fields(record):
            said[field.encode_name] = _said(hints[field.name])
    of_investors = [name for name in said if name.startswith("investor.")]
    assert len(of_investors) > 10
    for name in of_investors:
        assert fields()[name].personal is not None or said[name][-1:] == ["no"], name


def test_the_list_for_machines_names_every_personal_field_and_no_other() -> None:
    listed = json.loads(PAGES["personal-data.json"]())
    assert set(listed["classes"]) == set(PERSONAL)
    assert {name: one["personal"] for name, one in listed["fields"].items()} == {
        name: field.personal for name, field in fields().items() if field.personal is not None
    }
