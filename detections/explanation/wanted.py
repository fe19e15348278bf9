"""What a Sigma value asks for, in words."""

from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from pipeline.problems import one_of

_COMPARED = {
    CompareOperators.LT: "less than",
    CompareOperators.LTE: "at most",
    CompareOperators.GT: "more than",
    CompareOperators.GTE: "at least",
    CompareOperators.NEQ: "not",
}
_ANY = SpecialChars.WILDCARD_MULTI
_ONE = SpecialChars.WILDCARD_SINGLE
_LONGEST = 120


def wanted_words(value: SigmaType) -> str:
    """Such as `at least 100000`, `text that begins with 0x`, `ACME`."""
    match value:
        case SigmaString():
            return _text(value)
        case SigmaTimestampPart():
            return f"a time whose {value.timestamp_part.name.lower()} (UTC) is {value.number}"
        case SigmaNumber():
            return str(value.number)
        case SigmaBool():
            return "true" if value.boolean else "false"
        case SigmaCompareExpression():
            return f"{_COMPARED[value.op]} {value.number.number}"
        case SigmaRegularExpression():
            flags = "".join(sorted(flag.name.lower()[0] for flag in value.flags))
            return f"text that fits /{_cut(value.regexp.to_plain_regex())}/{flags}"
        case SigmaCIDRExpression():
            return f"an address in {value.cidr}"
        case SigmaExists():
            return "any value" if value.exists else "no such field"
        case SigmaNull():
            return "no value"
        case SigmaFieldReference():
            return f"{_reference(value)} the field {value.field}"
        case SigmaExpansion():
            return one_of([wanted_words(one) for one in value.values])
        case _:
            return _cut(str(value))


def any_of_words(values: list[SigmaType]) -> str:
    """Alternatives for one field."""
    return one_of([wanted_words(value) for value in values])


def keyword_words(value: SigmaType) -> str:
    """What a keyword search looks for."""
    if isinstance(value, SigmaString):
        return f"any value that contains {_shown(_pieces(value))}"
    return f"any value that is {wanted_words(value)}"


def _text(pattern: SigmaString) -> str:
    cased = ", case and all" if isinstance(pattern, SigmaCasedString) else ""
    parts = pattern.s
    inner = [part for part in parts if part is not _ANY]
    if not inner:
        return "any text" if parts else 'empty text ("")'
    if len(inner) > 1 or not isinstance(inner[0], str):
        said = _pieces(pattern)
        wild = any(not isinstance(part, str) for part in parts)
        return f"text like {_shown(said)}{cased}" if wild else f"{_shown(said)}{cased}"
    begins, ends = parts[-1] is _ANY, parts[0] is _ANY
    piece = _shown(inner[0])
    if begins and ends:
        return f"text that contains {piece}{cased}"
    if begins:
        return f"text that begins with {piece}{cased}"
    if ends:
        return f"text that ends with {piece}{cased}"
    return f"{piece}{cased}"


def _pieces(pattern: SigmaString) -> str:
    """The pattern as it is written."""
    return "".join(
        part if isinstance(part, str) else "?" if part is _ONE else "*" for part in pattern.s
    )


def _reference(value: SigmaFieldReference) -> str:
    if value.starts_with and value.ends_with:
        return "text that contains"
    if value.starts_with:
        return "text that begins with"
    return "text that ends with" if value.ends_with else "the same as"


def _shown(text: str) -> str:
    """In quotes where a reader couldn't tell where it ends."""
    text = _cut(text)
    return (
        f'"{text}"' if not text or text != text.strip() or ", " in text or " or " in text else text
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
