"""From the events of PyYAML to nodes, within bounds.

No object is ever constructed from a tag, aliases can't blow up, and what YAML allows but people get
wrong is refused: duplicate keys, merge keys, keys that aren't text.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import yaml

from pipeline.problems import Problem, Severity, did_you_mean, shown
from pipeline.units import MIB
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from pipeline.yaml_slips import grouped_digits, in_typographic_quotes, look_alike
from pipeline.yaml_syntax import explain

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_PROBLEMS = 1_000

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = (None, "!", _TAG + "map", _TAG + "seq")
_TEXT_TAG = _TAG + "str"

_ANOTHER_DOCUMENT = 'if another document begins here, put a line "---" before it'
_SEVERAL_VALUES = "keep one of the two: several values are a list, [a, b]"


class Limits(msgspec.Struct, frozen=True):
    """What a file may cost. `max_nodes` counts an aliased value each time that it is used."""

    max_bytes: int = 4 * MIB
    max_depth: int = 64
    max_nodes: int = 500_000


class _Stop(Exception):
    """Composing can't go on."""


class _Open:
    """A collection whose end hasn't come yet."""

    __slots__ = ("anchor", "before", "key", "keys", "node", "skip", "told")

    def __init__(self, node: SequenceNode | MappingNode, anchor: str | None, before: int) -> None:
        self.node = node
        self.anchor = anchor
        self.before = before  # the number of nodes when it began
        self.key: ScalarNode | None = None
        self.keys: dict[str, ScalarNode] = {}
        self.skip = False  # the next value belongs to a key that was refused
        self.told = False  # that a document seems to begin in it


class Composer:
    """Composes one text; `documents` has its complete documents afterwards."""

    def __init__(
        self, source: Source, limits: Limits, problems: list[Problem], single: bool
    ) -> None:
        self.documents: list[Node] = []
        self._source = source
        self._limits = limits
        self._problems = problems
        self._single = single
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int | None]] = {}
        self._nodes = 0
        self._quote: ScalarNode | None = None  # the newest in quotes over several lines

    def compose(self, text: str) -> None:
        """Never raises: what is wrong is appended to the problems."""
        try:
            self._run(text)
        except _Stop:
            pass
        except yaml.MarkedYAMLError as error:
            line, column, message, advice = explain(error, self._source.lines)
            here = self._at(line, column)
            if self._quote is not None and self._quote.end_line == line:
                # A quote that isn't closed ends where the next one was meant to begin.
                said = f"this quote is only closed in line {line}, where this can't go on"
                problem = self._quote.problem(
                    "yaml/syntax",
                    said,
                    advice="close it where its text ends",
                    related=(here.location,),
                )
            else:
                problem = here.problem("yaml/syntax", message, advice=advice)
            self._problems.append(problem)
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # libyaml's reader errors have no place, and the pure Python parser lets a few of
            # Python's own through (a \U escape beyond Unicode).
            self._problems.append(
                self._at(0, 0).problem("yaml/syntax", f"this isn't valid YAML: {error}")
            )

    def _run(self, text: str) -> None:
        source, stack = self._source, self._stack
        for event in cast("Iterator[Any]", yaml.parse(text, Loader=PARSER)):
            kind = event.__class__
            if kind is yaml.ScalarEvent:
                start, end = event.start_mark, event.end_mark
                tag = event.tag
                node = ScalarNode(
                    source,
                    start.line + 1,
                    start.column + 1,
                    end.line + 1,
                    end.column + 1,
                    event.value,
                    tag is None and event.implicit[0],
                )
                if node.line > len(source.lines) > 0:
                    # An empty value after the last line: libyaml ends every text with a line break.
                    node.line = node.end_line = len(source.lines)
                    node.column = node.end_column = len(source.lines[-1]) + 1
                # Before a quoted text, some programs write a ! that says no more.
                if tag not in (None, _TEXT_TAG) and (tag != "!" or not event.style):
                    self._refuse_tag(node, tag)
                if event.style == '"' and _LONE_SURROGATE.search(event.value):
                    self._report(node, "yaml/syntax", "this escape isn't a Unicode character")
                if event.style in ("'", '"') and node.end_line > node.line:
                    self._quote = node
                if not node.text.isascii():
                    self._warn_of_slips(node)
                if event.anchor is not None:
                    self._anchors[event.anchor] = (node, 1)
                self._add(node, 1)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, kind is yaml.MappingStartEvent)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                opened = stack.pop()
                opened.node.end_line = event.end_mark.line + 1
                opened.node.end_column = event.end_mark.column + 1
                size = self._nodes - opened.before
                if opened.anchor is not None:
                    self._anchors[opened.anchor] = (opened.node, size)
                self._add(opened.node, 0)
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self._anchors.clear()
                if self._single and self.documents:
                    self._report(
                        self._at_mark(event.start_mark),
                        "yaml/second-document",
                        "a second document begins here, and this file can have only one",
                        advice='remove the line "---", or put the rest into a file of its own',
                    )
                    raise _Stop

    def _warn_of_slips(self, node: ScalarNode) -> None:
        if node.plain and in_typographic_quotes(node.text):
            self._report(
                node,
                "yaml/typographic-quotes",
                "these quotes are taken for a part of the text",
                severity="warning",
                advice="YAML's quotes are \" and '",
            )
        if (letter := look_alike(node.text)) is not None:
            said = f'the "{letter}" in this word is none of the Latin alphabet'
            self._report(
                node,
                "yaml/look-alike",
                f"{said} (U+{ord(letter):04X})",
                severity="warning",
                advice="it only looks like one of its letters: type the word anew",
            )

    def _at(self, line: int, column: int) -> Node:
        return Node(self._source, line, column, line, column + 1)

    def _at_mark(self, mark: Any) -> Node:
        return self._at(mark.line + 1, mark.column + 1)

    def _report(self, node: Node, code: str, message: str, **more: Any) -> None:
        self._problems.append(node.problem(code, message, **more))
        if len(self._problems) >= MOST_PROBLEMS:
            raise _Stop

    def _refuse_tag(self, node: Node, tag: str) -> None:
        name = "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
        self._report(
            node,
            "yaml/tag",
            f"the tag {shown(name)} isn't allowed",
            advice="remove it: the type of each value is known"
            if tag.startswith(_TAG)
            else "put it into quotes if it is text, or remove it",
        )

    def _open(self, event: Any, mapping: bool) -> None:
        place = self._at_mark(event.start_mark)
        if len(self._stack) >= self._limits.max_depth:
            message = f"lists and groups are nested more than {self._limits.max_depth} deep"
            self._report(place, "yaml/too-deep", message)
            raise _Stop
        if event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(place, event.tag)
        node: SequenceNode | MappingNode
        if mapping:
            node = MappingNode(place.source, place.line, place.column, 0, 0, [])
        else:
            node = SequenceNode(place.source, place.line, place.column, 0, 0, [])
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, None)
        self._stack.append(_Open(node, event.anchor, self._nodes))
        self._count(place, 1)

    def _alias(self, event: Any) -> None:
        place = self._at_mark(event.start_mark)
        place.end_column = event.end_mark.column + 1
        node, size = self._anchors.get(event.anchor, (None, 0))
        if node is None:
            self._report(
                place,
                "yaml/unknown-alias",
                f"nothing is named {shown('&' + event.anchor)} above this line",
                hint=_starred(did_you_mean(event.anchor, self._anchors)),
                advice="a text that begins with * must be in quotes",
            )
            node, size = ScalarNode(place.source, place.line, place.column, 0, 0, "", True), 1
        elif size is None:
            self._report(place, "yaml/endless-alias", "this alias stands inside what it repeats")
            raise _Stop
        self._count(place, size)
        self._add(node, 0)

    def _count(self, node: Node, more: int) -> None:
        self._nodes += more
        if self._nodes > self._limits.max_nodes:
            self._report(
                node,
                "yaml/too-many-values",
                f"more than {self._limits.max_nodes} values, counting those repeated by aliases",
                advice="split the file, or remove aliases (*name)",
            )
            raise _Stop

    def _add(self, node: Node, more: int) -> None:
        if more:
            self._count(node, more)
        if not self._stack:
            self.documents.append(node)
            return
        parent = self._stack[-1]
        holder = parent.node
        if isinstance(holder, SequenceNode):
            if holder.items and isinstance(node, ScalarNode) and node.text[:1] == "0":
                self._is_apart(holder.items[-1], node, severity="warning")
            holder.items.append(node)
        elif parent.skip:
            parent.skip = False
        elif parent.key is None:
            self._add_key(parent, node)
        else:
            holder.pairs.append((parent.key, node))
            parent.key = None

    def _is_apart(self, first: Node, node: ScalarNode, *, severity: Severity) -> bool:
        """Whether a number stands there whose thousands a comma made values of their own: as in
        [10,000], and in {floor: 10,000}, where nobody can mean it. Reported."""
        if not (isinstance(first, ScalarNode) and first.plain and node.plain):
            return False
        if not first.line == node.line < len(self._source.lines) + 1:
            return False
        number = grouped_digits(self._source.lines[node.line - 1], first.column)
        if number is None or not first.column < node.column < first.column + len(number):
            return False
        if node.column == first.end_column + 1:
            place = ScalarNode(
                first.source,
                first.line,
                first.column,
                first.line,
                first.column + len(number),
                number,
                plain=True,
            )
            self._report(
                place,
                "yaml/grouped-digits",
                f"{number} is more than one value here, since a comma ends each",
                severity=severity,
                hint=number.replace(",", ""),
            )
        return True

    def _add_key(self, parent: _Open, node: Node) -> None:
        parent.skip = True
        pairs = cast("MappingNode", parent.node).pairs
        if not isinstance(node, ScalarNode):
            self._report(
                node,
                "yaml/key-not-text",
                "a key can't be a list or a group",
                advice='a text that begins with "{" or "[" must be in quotes',
            )
        elif (
            pairs
            and node.text[:1].isdigit()
            and self._is_apart(pairs[-1][1], node, severity="error")
        ):
            pass  # told
        elif node.plain and node.text == "<<":
            self._report(
                node,
                "yaml/merge-key",
                "merging with << isn't supported, since YAML 1.2 has no such key",
                advice="write the keys out, or repeat a whole value with an alias (*name)",
            )
        elif (first := parent.keys.get(node.text)) is not None:
            if not parent.told:
                # Where the first key comes again, all others will.
                again = first is next(iter(parent.keys.values())) and len(self._stack) == 1
                parent.told = again and len(parent.keys) > 1
                self._report(
                    node,
                    "yaml/duplicate-key",
                    f"the key {shown(node.text)} is given twice",
                    related=(first.location,),
                    advice=_ANOTHER_DOCUMENT if parent.told else _SEVERAL_VALUES,
                )
        else:
            parent.skip = False
            parent.keys[node.text] = parent.key = node


def _starred(name: str | None) -> str | None:
    return f"*{name}" if name else None
