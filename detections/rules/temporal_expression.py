"""A boolean condition over rules: `(mint_seen or burn_seen) and not announced`."""

from collections.abc import Callable

from detections.rules.boolean_grammar import ConditionError, Parser, Word, is_joining, words
from detections.rules.model import Expression, Junction, Negation, Reference
from pipeline.problems import shown


def rule_words(text: str) -> list[Word]:
    """The words that name rules, each as often as it stands there."""
    return [
        Word(word.text.removeprefix("!"), word.start, word.end)
        for word in words(text)
        if not is_joining(word.text) and word.text not in "()|"
    ]


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
        if word.text.lower() == "not" or word.text.startswith("!"):
            hint = f"not {word.text[1:]}" if word.text.startswith("!") else "not"
            said = f"no rule is called {shown(word.text)}"
            raise ConditionError(said, word.start, word.end, hint=hint.strip())
        return Reference(self._resolve(word.text))
