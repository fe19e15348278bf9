"""The modifiers of Sigma 2.1.0: pySigma's, but for those that it gets wrong or lets explode.

- `utf16le` is the specification's name of `wide`, which pySigma doesn't know.
- Base64 is of the bytes that an encoding gives (pySigma takes UTF-8 of its text, so that a byte
  order mark and everything beyond ASCII come out wrong), of `*` and `?` as they were meant, and
  its offsets are counted in bytes.
- `windash` keeps `cased`, and refuses to multiply without end.
- `expand` takes the values of reference lists; what isn't in one is left for pipelines.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, cast

from sigma.exceptions import SigmaValueError
from sigma.modifiers import (
    SigmaExpandModifier,
    SigmaModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.types import (
    Placeholder,
    SigmaExpansion,
    SigmaRegularExpression,
    SigmaString,
    SigmaStringPartType,
    SpecialChars,
)

Modifier = type[SigmaModifier[Any, Any]]
Lists = Mapping[str, Sequence[str]]
"""Values by the name of a reference list."""

MOST_VALUES = 100_000
_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_DASH = re.compile(r"\B[-/]\b")
_MOST_DASHES = 5
_OFFSETS = ((0, (None, -3, -2)), (2, (-3, -2, None)), (3, (-2, None, -3)))
_WILDCARDS = {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}


class EncodedString(SigmaString):
    """Text that stands for the bytes of another encoding."""

    raw: bytes | None = None


def _encoded(val: SigmaString, encoding: str, mark: str) -> SigmaString:
    # As in pySigma, each byte is a character of the text, and a byte order mark is its own.
    parts: list[SigmaStringPartType] = [mark] if mark else []
    for part in val.s:
        if isinstance(part, Placeholder):
            raise SigmaValueError("expand must come before an encoding")
        parts.append(part.encode(encoding).decode("latin-1") if isinstance(part, str) else part)
    found = EncodedString()
    found.s = parts
    found.raw = None if val.contains_special() else (mark + _plain(val)).encode(encoding)
    return found


def _plain(val: SigmaString) -> str:
    return "".join(part for part in val.s if isinstance(part, str))


def _bytes(val: SigmaString) -> bytes:
    if val.contains_special():
        raise SigmaValueError("what is encoded as Base64 can't have wildcards")
    if val.contains_placeholder():
        raise SigmaValueError("expand must come before base64")
    raw = val.raw if isinstance(val, EncodedString) else None
    return _plain(val).encode() if raw is None else raw


class SigmaWideModifier(SigmaValueModifier[SigmaString, SigmaString]):
    """UTF-16, little-endian."""

    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16le", "")


class SigmaUTF16BEModifier(SigmaValueModifier[SigmaString, SigmaString]):
    """UTF-16, big-endian."""

    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16be", "")


class SigmaUTF16Modifier(SigmaValueModifier[SigmaString, SigmaString]):
    """UTF-16, little-endian, with a byte order mark."""

    def modify(self, val: SigmaString) -> SigmaString:
        return _encoded(val, "utf-16le", "\ufeff")


class SigmaBase64Modifier(SigmaValueModifier[SigmaString, SigmaString]):
    """Base64 of the whole value."""

    def modify(self, val: SigmaString) -> SigmaString:
        return SigmaString(b64encode(_bytes(val)).decode())


class SigmaBase64OffsetModifier(SigmaValueModifier[SigmaString, SigmaExpansion]):
    """The three forms that a value can have inside Base64 of something larger."""

    def modify(self, val: SigmaString) -> SigmaExpansion:
        data = _bytes(val)
        return SigmaExpansion(
            [
                SigmaString(b64encode(offset * b" " + data)[start : ends[len(data) % 3]].decode())
                for offset, (start, ends) in enumerate(_OFFSETS)
            ]
        )


class SigmaWindowsDashModifier(SigmaValueModifier[SigmaString, SigmaExpansion]):
    """Any dash, or a slash, for each one that begins a word."""

    def modify(self, val: SigmaString) -> SigmaExpansion:
        marked = val.replace_with_placeholder(_DASH, "_windash")
        count = sum(isinstance(part, Placeholder) for part in marked.s)
        if count > _MOST_DASHES:
            raise SigmaValueError(
                f"windash can't take more than {_MOST_DASHES} options in one value: "
                "write each as a value of its own, with contains and all"
            )
        return SigmaExpansion([*_replaced(val, marked.s, {"_windash": _DASHES}, MOST_VALUES)])


def expand_modifier(lists: Lists) -> Modifier:
    """The modifier `expand` with the values of these lists."""

    class Expand(SigmaExpandModifier):
        made = 0
        """Values for all of one item."""

        def apply(self, val: Any) -> list[Any]:
            found: list[Any] = []
            for marked in super().apply(val):
                if isinstance(marked, SigmaExpansion):
                    found.append(marked)  # its values were expanded one by one
                else:
                    found += _expansions(marked, lists, MOST_VALUES - self.made)
            self.made += len(found)
            return found

    Expand.__name__ = SigmaExpandModifier.__name__  # by which pySigma knows what it is called
    return Expand


def _expansions(
    val: SigmaString | SigmaRegularExpression, lists: Lists, most: int
) -> Iterator[SigmaString | SigmaRegularExpression]:
    if isinstance(val, SigmaString):
        yield from _replaced(val, val.s, lists, most)
        return
    # What a list holds is text, not part of an expression.
    for one in _replaced(val.regexp, val.regexp.s, lists, most, literal=True):
        found = SigmaRegularExpression("", set(val.flags))
        if one.contains_placeholder():
            found.regexp = one
            yield found
        else:
            yield SigmaRegularExpression(_as_written(one), set(val.flags))


def _as_written(val: SigmaString) -> str:
    texts = (_WILDCARDS[part] if isinstance(part, SpecialChars) else str(part) for part in val.s)
    return "".join(texts)


def _replaced(
    model: SigmaString,
    parts: Sequence[SigmaStringPartType],
    lists: Lists,
    most: int,
    *,
    literal: bool = False,
) -> Iterator[SigmaString]:
    """A text of the model's class for each combination of values for its placeholders."""
    choices: list[Sequence[Sequence[SigmaStringPartType]]] = []
    count = 1
    for part in parts:
        values = lists.get(part.name) if isinstance(part, Placeholder) else None
        if values is None:
            choices.append([[part]])
        elif literal:
            choices.append([[re.escape(value)] for value in values])
        else:
            choices.append([SigmaString(value).s for value in values])
        count *= len(choices[-1])
    if count > most:
        raise SigmaValueError(f"its placeholders stand for more than {MOST_VALUES:,} values")
    for combination in product(*choices):
        found = type(model)()
        found.s = _merged([part for piece in combination for part in piece])
        yield found


def _merged(parts: Sequence[SigmaStringPartType]) -> list[SigmaStringPartType]:
    found: list[SigmaStringPartType] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


MODIFIERS: Mapping[str, Modifier] = {
    **cast("Mapping[str, Modifier]", modifier_mapping),
    "wide": SigmaWideModifier,
    "utf16le": SigmaWideModifier,
    "utf16be": SigmaUTF16BEModifier,
    "utf16": SigmaUTF16Modifier,
    "base64": SigmaBase64Modifier,
    "base64offset": SigmaBase64OffsetModifier,
    "windash": SigmaWindowsDashModifier,
}
