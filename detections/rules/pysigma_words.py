"""What pySigma says is wrong, in words for people who don't know its classes."""

import re

from sigma.exceptions import SigmaError
from sigma.modifiers import reverse_modifier_mapping

from pipeline.problems import shown

# Where the item stands, which our own place says better.
_PLACE = re.compile(r" in [^\n]+:[0-9]+:[0-9]+$")
_INCOMPATIBLE = re.compile(r"Modifier (\w+) incompatible to value type of '(.*)'", re.DOTALL)


def said_by_pysigma(error: Exception) -> str:
    """The error as a sentence. Besides its own, pySigma lets some of Python's through."""
    text = _PLACE.sub("", str(error).strip())
    if isinstance(error, RecursionError):
        return "this is nested too deeply"
    if not isinstance(error, SigmaError):
        return f"pySigma can't take this: {type(error).__name__}: {shown(text)}"
    if (found := _INCOMPATIBLE.search(text)) is not None:
        modifier = reverse_modifier_mapping.get(found[1], found[1])
        return f"{modifier} can't be applied to {shown(found[2])}"
    return text or type(error).__name__
