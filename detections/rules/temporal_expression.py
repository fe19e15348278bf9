"""A boolean condition over rules: `(mint_seen or burn_seen) and not announced`."""

from collections.abc import Callable

from detections.rules.boolean_grammar import WORDS, Parser, Word, words
from detections.rules.model import Expression, Junction, Negation, Reference


def rule_words(text: str) -> list[Word]:
    """The words that name rules, each as often as it stands there."""
    return [word for word in words(text) if word.text not in (*WORDS, *"()|")]


def parse_expression(text: str, resolve: Callable[[str], str]) -> Expression:
    """The condition, with `resolve` giving a rule's id for its name. Raises ConditionError."""
    return _Parser(text, resolve).whole()


class _Parser(Parser[Expression]):
    """Rules by their names and ids."""

    def __init__(self, text: str, resolve: Callable[[str], str]) -> None:
        super().__init__(text, "a rule's name")
        self._resolve = resolve

    def either(self, parts: list[Expression]) -> Expression:
        return Junction("or", tuple(parts))

    def both(self, parts: list[Expression]) -> Expression:
        return Junction("and", tuple(parts))

    def negated(self, part: Expression) -> Expression:
        return Negation(part)

    def named(self, word: Word) -> Expression:
        return Reference(self._resolve(word.text))
