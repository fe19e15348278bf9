"""Texts of Sigma rules, as all targets see them."""

from typing import Literal

import msgspec
from sigma.types import SigmaCasedString, SigmaString, SpecialChars

from detections.conversion.known_fields import known_case
from detections.conversion.letter_case import has_case, is_regular
from detections.sigma.texts import plain_text

#: How a text is compared: as it is written, as the field is known to write it, or in any case.
Comparing = Literal["exact", "any case"]


class Text(msgspec.Struct, frozen=True):
    """A text that a field is compared with, its case as the field writes it where that is known."""

    value: SigmaString
    comparing: Comparing

    @property
    def plain(self) -> str | None:
        """The text, if there are no wildcards in it."""
        return plain_text(self.value)

    @property
    def anything(self) -> bool:
        """Whether every value matches: `*`."""
        return list(self.value.s) == [SpecialChars.WILDCARD_MULTI]

    @property
    def literal(self) -> str:
        """All that isn't a wildcard."""
        return "".join(part for part in self.value.s if isinstance(part, str))

    @property
    def regular(self) -> bool:
        """Whether its letters in any case are letters that are known one by one."""
        return self.comparing == "exact" or is_regular(self.literal)


def read_text(field: str, value: SigmaString) -> Text:
    """The text of a condition on a field."""
    if isinstance(value, SigmaCasedString):
        return Text(value, "exact")
    plain = plain_text(value)
    match known_case(field, plain):
        case "lower":
            return Text(value.lower(), "exact")
        case "upper":
            # Such fields are ASCII; `ß` must not become the `SS` that one may hold.
            folded = value.lower()
            return Text(folded.map_str_parts(_upper), "exact")
        case _:
            literal = "".join(part for part in value.s if isinstance(part, str))
            return Text(value, "any case" if has_case(literal) else "exact")


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text
