"""The conditions of the command `search`.

Source: Splunk Search Reference, `search`: without regard to case, with `*` as a wildcard; of a
multivalue field any value; `AND` between terms where nothing stands; `OR` binds closer than `AND`.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Callable

import msgspec

from splunk.spl.tokens import unescaped
from splunk.spl.values import Row, SplError, every, number, text

Holds = Callable[[Row], bool]
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<comma>,)
    | (?P<sub>\[[^\[\]]*\])
    | (?P<operator><=|>=|!=|=|<|>)
    | "(?P<text>(?:[^"\\]|\\.)*)"
    | (?P<word>[^\s()<>=!,"\[\]]+)
    )""",
    re.VERBOSE,
)


class Terms(msgspec.Struct, frozen=True):
    """Conditions that were understood."""

    fields: frozenset[str]
    holds: Holds


def parse(source: str, subsearch: Callable[[str], "Terms"] | None = None) -> Terms:
    """`subsearch` gives the conditions that a search in brackets comes to. Raises SplError."""
    parser = _Parser(source, subsearch)
    holds = parser.both()
    parser.end()
    return Terms(frozenset(parser.fields), holds)


class _Parser:
    def __init__(self, source: str, subsearch: Callable[[str], Terms] | None) -> None:
        self._source = source
        self._subsearch = subsearch
        self._tokens = list(_tokens(source))
        self._at = 0
        self.fields: set[str] = set()

    def both(self) -> Holds:
        parts = [self._either()]
        while self._kind() not in (None, "close", "comma"):
            self._word("AND")
            parts.append(self._either())
        return lambda row: all(part(row) for part in parts)

    def end(self) -> None:
        if self._kind() is not None:
            raise SplError(f"{self._tokens[self._at][1]!r} is out of place in {self._source!r}")

    def _either(self) -> Holds:
        parts = [self._negated()]
        while self._word("OR"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _negated(self) -> Holds:
        if self._word("NOT"):
            inner = self._negated()
            return lambda row: not inner(row)
        return self._term()

    def _term(self) -> Holds:
        kind, value = self._next()
        if kind == "open":
            inner = self.both()
            self._expect("close")
            return inner
        if kind == "sub":
            if self._subsearch is None:
                raise SplError(f"a search in brackets is out of place in {self._source!r}")
            return self._subsearch(value[1:-1]).holds
        if kind not in ("word", "text"):
            raise SplError(f"{value!r} is out of place in {self._source!r}")
        if self._kind() == "operator":
            operator = self._next()[1]
            kind, wanted = self._next()
            if kind not in ("word", "text"):
                raise SplError(f"a value is missing in {self._source!r}")
            self.fields.add(value)
            return _comparison(value, operator, wanted)
        if kind == "word" and self._word("IN"):
            self.fields.add(value)
            return self._in(value)
        return _anywhere(value)

    def _in(self, name: str) -> Holds:
        self._expect("open")
        wanted = [self._next()[1]]
        while self._kind() == "comma":
            self._at += 1
            wanted.append(self._next()[1])
        self._expect("close")
        parts = [_comparison(name, "=", one) for one in wanted]
        return lambda row: any(part(row) for part in parts)

    def _kind(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise SplError(f"something is missing at the end of {self._source!r}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("word", word):
            self._at += 1
            return True
        return False

    def _expect(self, kind: str) -> None:
        if self._next()[0] != kind:
            raise SplError(f"a parenthesis is missing in {self._source!r}")


def _tokens(source: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(source.rstrip())
    while at < end:
        token = _TOKEN.match(source, at)
        if token is None or token.lastgroup is None:
            raise SplError(f"not understood: {source[at : at + 40]!r}")
        value = token[token.lastgroup]
        found.append((token.lastgroup, unescaped(value) if token.lastgroup == "text" else value))
        at = token.end()
    return found


def _comparison(name: str, operator: str, wanted: str) -> Holds:
    if operator == "!=":
        equal = _comparison(name, "=", wanted)
        return lambda row: name in row and not equal(row)
    if operator == "=":
        return _equality(name, wanted)
    bound = number(wanted)
    if bound is None:
        raise SplError(f"{name}{operator}{wanted}: only numbers are compared by size here")

    def holds(row: Row) -> bool:
        for one in every(row.get(name)):
            value = number(one)
            if value is None:
                continue
            sign = (value > bound) - (value < bound)
            if sign < 0 if operator == "<" else sign <= 0 if operator == "<=" else False:
                return True
            if sign > 0 if operator == ">" else sign >= 0 if operator == ">=" else False:
                return True
        return False

    return holds


def _equality(name: str, wanted: str) -> Holds:
    if wanted == "*":
        return lambda row: name in row
    if "/" in wanted and (network := _network(wanted)) is not None:
        return lambda row: any(_within(text(one), network) for one in every(row.get(name)))
    if "*" in wanted:
        pattern = re.compile(
            fnmatch.translate(wanted.lower().replace("[", "[[]").replace("?", "[?]"))
        )
        return lambda row: any(
            pattern.match(text(one).lower()) is not None for one in every(row.get(name))
        )
    figure, lowered = number(wanted), wanted.lower()

    def holds(row: Row) -> bool:
        return any(
            text(one).lower() == lowered or (figure is not None and number(one) == figure)
            for one in every(row.get(name))
        )

    return holds


def _network(wanted: str) -> "ipaddress.IPv4Network | ipaddress.IPv6Network | None":
    try:
        return ipaddress.ip_network(wanted)
    except ValueError:
        return None


def _within(value: str, network: "ipaddress.IPv4Network | ipaddress.IPv6Network") -> bool:
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


def _anywhere(word: str) -> Holds:
    """A word without a field: it stands somewhere in the event."""
    lowered = word.lower().strip("*")
    return lambda row: any(
        lowered in text(one).lower() for value in row.values() for one in every(value)
    )
