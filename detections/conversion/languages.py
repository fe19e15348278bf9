"""The query languages that rules are converted to, each with the same four things to ask of it."""

from collections.abc import Mapping
from typing import Literal, Protocol

from detections.conversion import eql, esql, lucene, splunk
from detections.conversion.losses import Losses
from detections.conversion.numbers import instant
from detections.conversion.trees import Keyword, Leaf, Tree, linked

Language = Literal["lucene", "esql", "eql", "spl"]
_TIME = "@timestamp"
_SECOND = 10**9


class Dialect(Protocol):
    """One language."""

    name: str
    """As people call it."""

    def fit(self, found: Leaf | Keyword, losses: Losses, conjunctive: bool) -> Tree:
        """A leaf as the language takes it in our meaning."""
        ...

    def before(self, time: int) -> Tree:
        """Whether the event is earlier than a time in nanoseconds."""
        ...

    def condition(self, tree: Tree) -> str:
        """A fitted tree as part of a correlation."""
        ...

    def query(self, tree: Tree, index: str) -> str:
        """A fitted tree as a query by itself."""
        ...


class _Lucene:
    name = "Lucene"

    def fit(self, found: Leaf | Keyword, losses: Losses, conjunctive: bool) -> Tree:
        return lucene.fit(found, losses)

    def before(self, time: int) -> Tree:
        return lucene.before_or_after(_TIME, "<", instant(time) or "")

    def condition(self, tree: Tree) -> str:
        return lucene.query_of(linked(tree))

    def query(self, tree: Tree, index: str) -> str:
        return self.condition(tree)


class _Esql:
    name = "ES|QL"

    def fit(self, found: Leaf | Keyword, losses: Losses, conjunctive: bool) -> Tree:
        return esql.fit(found, losses)

    def before(self, time: int) -> Tree:
        return esql.before_or_after(_TIME, "<", instant(time) or "")

    def condition(self, tree: Tree) -> str:
        return esql.condition_of(linked(tree), esql.Esql())

    def query(self, tree: Tree, index: str) -> str:
        return esql.query_of(self.condition(tree), esql.Esql(), index)


class _Eql:
    name = "EQL"

    def fit(self, found: Leaf | Keyword, losses: Losses, conjunctive: bool) -> Tree:
        return eql.fit(found, losses)

    def before(self, time: int) -> Tree:
        return eql.before_or_after(_TIME, "<", instant(time) or "")

    def condition(self, tree: Tree) -> str:
        return eql.condition_of(linked(eql.with_missing_fields(tree)))

    def query(self, tree: Tree, index: str) -> str:
        return f"any where {self.condition(tree)}"


class _Splunk:
    name = "SPL"

    def fit(self, found: Leaf | Keyword, losses: Losses, conjunctive: bool) -> Tree:
        return splunk.fit(found, losses, conjunctive=conjunctive)

    def before(self, time: int) -> Tree:
        return splunk.before_or_after("<", time // _SECOND)

    def condition(self, tree: Tree) -> str:
        return splunk.condition_of(tree, splunk.Splunk())

    def query(self, tree: Tree, index: str) -> str:
        return splunk.query_of(tree, splunk.Splunk())


DIALECTS: Mapping[Language, Dialect] = {
    "lucene": _Lucene(),
    "esql": _Esql(),
    "eql": _Eql(),
    "spl": _Splunk(),
}
