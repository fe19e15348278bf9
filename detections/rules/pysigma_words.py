"""What pySigma says is wrong, in words for people who don't know its classes."""

import re

from sigma.exceptions import SigmaError
from sigma.modifiers import reverse_modifier_mapping

from pipeline.problems import shown

# Where the item stands, which our own place says better.
_PLACE = re.compile(r" in [^\n]+:[0-9]+:[0-9]+$")
#: Of values, Python's text names the class.
_CLASS = re.compile(r"<?(?:sigma\.types\.)?(Sigma[A-Za-z]+)[( ]")
_VALUES = {
    "SigmaNull": "null",
    "SigmaCompareExpression": "a comparison by another modifier",
    "SigmaExists": "what exists has made of the value",
    "SigmaTimestampPart": "a part of a time",
    "SigmaFieldReference": "the name of a field",
    "SigmaRegularExpression": "a regular expression",
}
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
        return f"{modifier} can't be applied to {_value(found[2])}"
    return text or type(error).__name__


def _value(text: str) -> str:
    if text in ("True", "False"):
        return text.lower()
    found = _CLASS.match(text)
    return _VALUES.get(found[1], "such a value") if found is not None else shown(text)
