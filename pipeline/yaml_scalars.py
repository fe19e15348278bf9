"""What an unquoted YAML scalar means: the core schema of YAML 1.2, made stricter.

Only `true` and `false` are booleans, `1e3` is a float, dates and times stay text. What YAML 1.1
readers take for something else (`no`, `16:00`, `0123`, `1_000`) is text here, and `other_reading`
says what they make of it.
"""

import re

from pipeline.yaml_nodes import ScalarNode

Plain = None | bool | int | float | str

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FIRST = frozenset("0123456789+-.~nNtTfF")
LONGEST_NUMBER = 400

_OLD_TRUE = frozenset(("yes", "Yes", "YES", "on", "On", "ON"))
_OLD_FALSE = frozenset(("no", "No", "NO", "off", "Off", "OFF"))
_OLD_FIRST = frozenset("0123456789+-yYnNoO")
_OLD_BASE_60 = re.compile(
    r"[-+]?(?:[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)"
)
_OLD_GROUPED = re.compile(r"[-+]?[0-9][0-9]*_[0-9_]*(?:\.[0-9_]*)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9][0-9_]*")


def meaning(node: ScalarNode) -> Plain:
    """The scalar's value: quoted ones are text, as are numbers of more than 400 characters."""
    text = node.text
    if not node.plain:
        return text
    if text and text[0] not in _FIRST:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 8 if text[:2] == "0o" else 16 if text[:2] == "0x" else 10)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def other_reading(node: ScalarNode) -> str | None:
    """What readers of YAML 1.1 take this unquoted text for, or None where all agree."""
    text = node.text
    if not node.plain or not text or text[0] not in _OLD_FIRST or len(text) > LONGEST_NUMBER:
        return None
    if text in _OLD_TRUE:
        return "true"
    if text in _OLD_FALSE:
        return "false"
    if _LEADING_ZERO.fullmatch(text):
        return "an octal number or drop its zeros"
    if _OLD_BASE_60.fullmatch(text):
        return "a number to the base 60"
    if _OLD_GROUPED.fullmatch(text):
        return "a number without the _"
    return None
