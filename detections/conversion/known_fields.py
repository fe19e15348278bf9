"""What is known of the fields that a rule names, as the targets hold them."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from detections.fields import ACTION, FieldType, shapes, taxonomy
from normalizer.events.fields import Address, Hash
from normalizer.events.taxonomy import fields

#: Texts of these are words of the normalizer's own, all in lower case. Accreditations, labels and
#: jurisdictions come from reference data, whose reader accepts no other case.
OUR_WORDS = frozenset(
    (
        *("event.kind", "event.category", "event.type", "event.outcome", "event.dataset"),
        *("token.transfer.type", "blockchain.finality"),
    )
)


def field_type(name: str) -> FieldType | None:
    """What the field holds; None if it is no field of our records."""
    return taxonomy().get(name)


def is_list(name: str) -> bool:
    """Whether the field may hold several values."""
    found = taxonomy().get(name)
    return found is not None and found.many


def known_case(name: str, text: str | None) -> Literal["lower", "upper"] | None:
    """How the field writes a text, or any text if None, where that is known.

    None: a source may write it in any case.
    """
    if name in _labels():
        # "sanctioned:LIST" has a list's name in it, as somebody wrote it; other labels are words.
        return "lower" if text is not None and ":" not in text else None
    return _case_of_all(name)


@cache
def _case_of_all(name: str) -> Literal["lower", "upper"] | None:
    """How the field writes whatever it holds."""
    if name == ACTION or name in OUR_WORDS or name.endswith(".accreditation"):
        return "lower"
    if name.endswith(".jurisdiction"):
        return "upper"
    found = taxonomy().get(name)
    if found is None or found.kind != "keyword":
        return None
    if found.choices:
        return "lower" if all(choice == choice.lower() for choice in found.choices) else None
    return "lower" if name in _hexadecimal() else None


@cache
def _labels() -> frozenset[str]:
    return frozenset(name for name in taxonomy() if name.endswith(".labels"))


def is_searchable(name: str) -> bool:
    """Whether Elasticsearch indexes the field; what it doesn't is only kept in the document."""
    known = fields().get(name)
    return known is None or known.es != "binary_text"


def is_split(name: str) -> bool:
    """Whether Elasticsearch holds the field as words: whole values can't be compared there."""
    known = fields().get(name)
    return known is not None and known.es == "text"


@cache
def _hexadecimal() -> frozenset[str]:
    """Fields that hold addresses or hashes, which decoders write in lower case."""
    marks = (*_marks(Address), *_marks(Hash))
    held: set[str] = set()
    others: set[str] = set()
    for record, shape in shapes().items():
        hints = get_type_hints(record, include_extras=True)
        for name, attribute in shape.attributes.items():
            found = list(_marks(hints[attribute.name]))
            (held if any(mark in found for mark in marks) else others).add(name)
    return frozenset(held - others)


def _marks(hint: Any) -> Iterator[object]:
    yield from getattr(hint, "__metadata__", ())
    for part in get_args(hint):
        yield from _marks(part)
