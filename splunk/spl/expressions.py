"""Expressions of `eval` and `where`.

Source: Splunk Search Reference, "Evaluation functions". A field whose name has a dot in it stands
in single quotes, since a dot joins texts.
"""

from collections.abc import Callable, Mapping

import msgspec

from splunk.spl.functions import FUNCTIONS, Result
from splunk.spl.tokens import Token, tokens
from splunk.spl.values import Row, SplError, Value, every, number, text

Evaluated = Callable[[Row, float], Result]
_COMPARISONS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda sign: sign == 0,
    "==": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}
_KEYWORDS = frozenset(("AND", "OR", "NOT", "XOR", "true", "false"))


class Expression(msgspec.Struct, frozen=True):
    """An expression that was understood."""

    fields: frozenset[str]
    """Fields that it reads."""
    evaluate: Evaluated
    """Its value for a row, with the time that `now()` gives."""


def parse(source: str) -> Expression:
    """Raises SplError."""
    parser = _Parser(list(tokens(source)), source)
    evaluate = parser.either()
    parser.end()
    return Expression(frozenset(parser.fields), evaluate)


def is_true(result: Result) -> bool:
    """Whether a condition holds; one without a value doesn't."""
    return result is True


class _Parser:
    def __init__(self, found: list[Token], source: str) -> None:
        self._tokens = found
        self._source = source
        self._at = 0
        self.fields: set[str] = set()

    def either(self) -> Evaluated:
        parts = [self._both()]
        while self._take("name", "OR"):
            parts.append(self._both())
        if len(parts) == 1:
            return parts[0]
        return lambda row, now: any(is_true(part(row, now)) for part in parts)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise SplError(f"not understood: {self._tokens[self._at].value!r} in {self._source!r}")

    def _both(self) -> Evaluated:
        parts = [self._negated()]
        while self._take("name", "AND"):
            parts.append(self._negated())
        if len(parts) == 1:
            return parts[0]
        return lambda row, now: all(is_true(part(row, now)) for part in parts)

    def _negated(self) -> Evaluated:
        if self._take("name", "NOT"):
            inner = self._negated()
            return lambda row, now: not is_true(inner(row, now))
        return self._comparison()

    def _comparison(self) -> Evaluated:
        left = self._sum()
        token = self._peek()
        if token is None or token.kind != "sign" or token.value not in _COMPARISONS:
            return left
        self._at += 1
        right, holds = self._sum(), _COMPARISONS[token.value]
        return lambda row, now: _compared(left(row, now), right(row, now), holds)

    def _sum(self) -> Evaluated:
        found = self._product()
        while (sign := self._sign("+", "-", ".")) is not None:
            found = _joined(sign, found, self._product())
        return found

    def _product(self) -> Evaluated:
        found = self._single()
        while (sign := self._sign("*", "/", "%")) is not None:
            found = _joined(sign, found, self._single())
        return found

    def _single(self) -> Evaluated:
        token = self._peek()
        if token is None:
            raise SplError(f"something is missing at the end of {self._source!r}")
        self._at += 1
        match token.kind:
            case "text":
                return lambda row, now: token.value
            case "number":
                value = float(token.value)
                return lambda row, now: value
            case "field":
                return self._field(token.value)
            case "name":
                return self._name(token.value)
            case _:
                pass
        if token.value == "(":
            inner = self.either()
            self._expect(")")
            return inner
        if token.value == "-":
            inner = self._single()
            return lambda row, now: (
                -found if (found := number(inner(row, now))) is not None else None
            )
        raise SplError(f"{token.value!r} is out of place in {self._source!r}")

    def _name(self, name: str) -> Evaluated:
        if name in ("true", "false"):
            # As functions without arguments.
            self._expect("(")
            self._expect(")")
            return lambda row, now: name == "true"
        if not self._take("sign", "("):
            if name in _KEYWORDS:
                raise SplError(f"{name} is out of place in {self._source!r}")
            return self._field(name)
        function = FUNCTIONS.get(name)
        if function is None:
            raise SplError(f"there is no function {name} here: {self._source!r}")
        arguments: list[Evaluated] = []
        if not self._take("sign", ")"):
            arguments.append(self.either())
            while self._take("sign", ","):
                arguments.append(self.either())
            self._expect(")")
        if not function.least <= len(arguments) <= function.most:
            raise SplError(f"{name} with {len(arguments)} arguments in {self._source!r}")
        return lambda row, now: function.call([one(row, now) for one in arguments], now)

    def _field(self, name: str) -> Evaluated:
        self.fields.add(name)
        return lambda row, now: row.get(name)

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, kind: str, value: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind or token.value != value:
            return False
        self._at += 1
        return True

    def _sign(self, *signs: str) -> str | None:
        return next((sign for sign in signs if self._take("sign", sign)), None)

    def _expect(self, sign: str) -> None:
        if not self._take("sign", sign):
            raise SplError(f"{sign} is missing in {self._source!r}")


def _compared(left: Result, right: Result, holds: Callable[[int], bool]) -> bool | None:
    """Numbers as numbers, else as texts; of a multivalue field any value."""
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return None
    return any(holds(_sign_of(one, other)) for one in every(left) for other in every(right))


def _sign_of(left: Value, right: Value) -> int:
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    return (text(left) > text(right)) - (text(left) < text(right))


def _joined(sign: str, left: Evaluated, right: Evaluated) -> Evaluated:
    def evaluate(row: Row, now: float) -> Result:
        return _computed(sign, left(row, now), right(row, now))

    return evaluate


def _computed(sign: str, left: Result, right: Result) -> Result:
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return None
    one, other = number(left), number(right)
    if sign == "." or (sign == "+" and (one is None or other is None)):
        return text(left) + text(right)
    if one is None or other is None:
        return None
    match sign:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case "/":
            return one / other if other else None
        case _:
            return one % other if other else None
