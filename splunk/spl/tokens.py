"""Words of a search: quoted texts, names, numbers and signs; and the commands between its pipes."""

import re
from collections.abc import Iterator

import msgspec

from splunk.spl.values import SplError

_TOKEN = re.compile(
    r"""\s*(?:
      "(?P<text>(?:[^"\\]|\\.)*)"
    | '(?P<field>[^']+)'
    | (?P<number>\d+(?:\.\d+)?)(?![\w.])
    | (?P<name>[A-Za-z_][\w{}@-]*)
    | (?P<sign><=|>=|!=|==|[-+*/%.=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(["\\|])')
_OPENING = {"(": ")", "[": "]"}


class Token(msgspec.Struct, frozen=True):
    """One word of an expression."""

    kind: str
    """text, field (in single quotes), number, name or sign."""
    value: str


def unescaped(quoted: str) -> str:
    """What a quoted text means: a backslash before a quote, a backslash or a pipe is taken off."""
    return _ESCAPE.sub(r"\1", quoted)


def tokens(expression: str) -> Iterator[Token]:
    """The words of an expression of `eval` and `where`. Raises SplError."""
    at, end = 0, len(expression.rstrip())
    while at < end:
        found = _TOKEN.match(expression, at)
        if found is None or found.lastgroup is None:
            raise SplError(f"not understood: {expression[at : at + 40]!r}")
        value = found[found.lastgroup]
        yield Token(found.lastgroup, unescaped(value) if found.lastgroup == "text" else value)
        at = found.end()


def split(search: str, separator: str) -> list[str]:
    """The parts between separators that stand outside quotes, parentheses and brackets."""
    parts, start, closing, at = [""], 0, list[str](), 0
    while at < len(search):
        sign = search[at]
        if sign in "\"'`":
            at = _closing_quote(search, at)
        elif sign in _OPENING:
            closing.append(_OPENING[sign])
        elif closing and sign == closing[-1]:
            closing.pop()
        elif sign in ")]":
            raise SplError(f"unmatched {sign} in {search!r}")
        elif sign == separator and not closing:
            parts[-1] = search[start:at].strip()
            parts.append("")
            start = at + 1
        at += 1
    if closing:
        raise SplError(f"no {closing[-1]} in {search!r}")
    parts[-1] = search[start:].strip()
    return parts


def closing(search: str, opening: int) -> int:
    """Where the parenthesis that opens there closes. Raises SplError."""
    depth, at = 0, opening
    while at < len(search):
        sign = search[at]
        if sign in "\"'":
            at = _closing_quote(search, at)
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if not depth:
                return at
        at += 1
    raise SplError(f"no ) in {search!r}")


def _closing_quote(search: str, opening: int) -> int:
    at, quote = opening + 1, search[opening]
    while at < len(search):
        if search[at] == "\\" and quote == '"':
            at += 1
        elif search[at] == quote:
            return at
        at += 1
    raise SplError(f"no closing {quote} in {search!r}")


def words(arguments: str) -> list[str]:
    """Arguments of a command that are separated by blanks or commas; quotes are taken off."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([^\s,"\']+)', arguments)
    return [unescaped(a) or b or c for a, b, c in found]
