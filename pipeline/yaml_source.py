"""Reading YAML files from outside: safely, within bounds, and with the place of every value.

Events of PyYAML (libyaml where it is built in) become `Node`s. No object is ever constructed from
a tag, aliases can't blow up, and what YAML allows but people get wrong is refused: duplicate keys,
merge keys, keys that aren't text, invisible characters.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from pipeline.problems import Location, Problem, ProblemsFound, did_you_mean, shown
from pipeline.units import MIB, format_size
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from pipeline.yaml_syntax import explain

PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_PROBLEMS = 1_000

_NEWLINE = re.compile(r"\r\n|\r|\n")
# Invisible in an editor, and either an accident of copying or a trick (text that is shown in
# another order than it is read). YAML 1.1 also takes U+0085, U+2028 and U+2029 for line ends.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = (None, "!", _TAG + "map", _TAG + "seq")
_TEXT_TAGS = ("!", _TAG + "str")


class Limits(msgspec.Struct, frozen=True):
    """What a file may cost. `max_nodes` counts an aliased value each time that it is used."""

    max_bytes: int = 4 * MIB
    max_depth: int = 64
    max_nodes: int = 500_000


DEFAULT_LIMITS = Limits()


class Parsed(msgspec.Struct, frozen=True):
    """A file's documents and what is wrong with its syntax (`source.problems`)."""

    source: Source
    documents: list[Node]


def read_node(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Node:
    """The one document of a file. Raises ProblemsFound."""
    return _usable(read_file(path, limits=limits, single=True)).documents[0]


def read_nodes(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> list[Node]:
    """All documents of a file, separated by `---`. Raises ProblemsFound."""
    return _usable(read_file(path, limits=limits)).documents


def parse_node(
    data: bytes, *, name: str, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS
) -> Node:
    """The one document in `data`; see `parse_bytes`. Raises ProblemsFound."""
    parsed = parse_bytes(data, name=name, folder=folder, limits=limits, single=True)
    return _usable(parsed).documents[0]


def parse_nodes(
    data: bytes, *, name: str, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS
) -> list[Node]:
    """All documents in `data`; see `parse_bytes`. Raises ProblemsFound."""
    return _usable(parse_bytes(data, name=name, folder=folder, limits=limits)).documents


def read_file(path: Path, *, limits: Limits = DEFAULT_LIMITS, single: bool = False) -> Parsed:
    """As `parse_bytes`, of a file. A file that can't be read is a problem too."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:
        return _empty(Source(str(path), path.parent, (), (_unreadable(path, error),)))
    return parse_bytes(data, name=str(path), folder=path.parent, limits=limits, single=single)


def parse_bytes(
    data: bytes,
    *,
    name: str,
    folder: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    single: bool = False,
) -> Parsed:
    """The documents in UTF-8 text, with the problems of its syntax; it raises nothing.

    `name` is shown as the file's name, `folder` is what relative paths in it start from (the
    current folder if None). An empty file is one empty document; so is a file that is too broken
    to have any. With `single`, a second document is an error.
    """
    folder = folder if folder is not None else Path()
    text, problems = _decode(data, name, limits)
    if text is None:
        return _empty(Source(name, folder, (), problems))
    source = Source(name, folder, _NEWLINE.split(text), problems)
    if found := _INVISIBLE.search(text):
        problems.append(_invisible(source, text, found))
        return _empty(source)
    composer = _Composer(source, limits, problems, single)
    composer.compose(text)
    return Parsed(source, composer.documents) if composer.documents else _empty(source)


def _usable(parsed: Parsed) -> Parsed:
    if any(problem.severity == "error" for problem in parsed.source.problems):
        raise ProblemsFound(parsed.source.problems)
    return parsed


def _empty(source: Source) -> Parsed:
    return Parsed(source, [ScalarNode(source, 1, 1, 1, 1, "", True)])


def _unreadable(path: Path, error: Exception) -> Problem:
    place = Location(str(path), 0, 0)
    if isinstance(error, FileNotFoundError):
        try:
            names = [entry.name for entry in path.parent.iterdir()]
        except OSError:
            names = []
        hint = did_you_mean(path.name, names)
        return Problem(
            location=place,
            code="yaml/no-such-file",
            message="there is no such file",
            hint=str(path.with_name(hint)) if hint else None,
        )
    why = error.strerror if isinstance(error, OSError) else str(error)
    return Problem(
        location=place, code="yaml/unreadable-file", message=f"the file can't be read: {why}"
    )


def _decode(data: bytes, name: str, limits: Limits) -> tuple[str | None, list[Problem]]:
    if len(data) > limits.max_bytes:
        return None, [
            Problem(
                location=Location(name, 0, 0),
                code="yaml/too-large",
                message=f"the file is larger than {format_size(limits.max_bytes)}",
                advice="split it into several files",
            )
        ]
    problems: list[Problem] = []
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return None, [_encoding_problem(name, 1, 1, f"the file is in {encoding}, not in UTF-8")]
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        problems.append(
            Problem(
                location=Location(name, 1, 1),
                severity="warning",
                code="yaml/byte-order-mark",
                message="the file begins with a byte order mark, which other programs may refuse",
                advice='save it as "UTF-8", not as "UTF-8 with BOM"',
            )
        )
    try:
        return data.decode(), problems
    except UnicodeDecodeError as error:
        before = _NEWLINE.split(data[: error.start].decode())
        message = f"the byte 0x{data[error.start]:02x} isn't valid UTF-8"
        problem = _encoding_problem(name, len(before), len(before[-1]) + 1, message)
        return None, [*problems, problem]


def _encoding_problem(name: str, line: int, column: int, message: str) -> Problem:
    return Problem(
        location=Location(name, line, column),
        code="yaml/not-utf-8",
        message=message,
        advice='save the file with the encoding "UTF-8" in your editor',
    )


def _invisible(source: Source, text: str, found: re.Match[str]) -> Problem:
    before = _NEWLINE.split(text[: found.start()])
    char = f"\\u{ord(found[0]):04x}"
    place = Node(source, len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
    return place.problem(
        "yaml/invisible-character",
        f"an invisible character (U+{ord(found[0]):04X}) stands here",
        advice=f'delete it, or if it is meant, write it in double quotes as "{char}"',
    )


class _Stop(Exception):
    """Composing can't go on."""


class _Open:
    """A collection whose end hasn't come yet."""

    __slots__ = ("anchor", "before", "key", "keys", "node", "skip")

    def __init__(self, node: SequenceNode | MappingNode, anchor: str | None, before: int) -> None:
        self.node = node
        self.anchor = anchor
        self.before = before  # the number of nodes when it began
        self.key: ScalarNode | None = None
        self.keys: dict[str, ScalarNode] = {}
        self.skip = False  # the next value belongs to a key that was refused


class _Composer:
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

    def compose(self, text: str) -> None:
        try:
            self._run(text)
        except _Stop:
            pass
        except yaml.MarkedYAMLError as error:
            line, column, message, advice = explain(error, self._source.lines)
            self._problems.append(
                self._at(line, column).problem("yaml/syntax", message, advice=advice)
            )
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
                if tag is not None and tag not in _TEXT_TAGS:
                    self._refuse_tag(node, tag)
                if event.style == '"' and _LONE_SURROGATE.search(event.value):
                    self._report(node, "yaml/syntax", "this escape isn't a Unicode character")
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
            advice="remove it: the type of each value is known",
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
        elif isinstance(node, ScalarNode):
            # A copy, since a problem with it is a problem of the place where it is used.
            end = (event.end_mark.line + 1, event.end_mark.column + 1)
            node = ScalarNode(place.source, place.line, place.column, *end, node.text, node.plain)
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
            holder.items.append(node)
        elif parent.skip:
            parent.skip = False
        elif parent.key is None:
            self._add_key(parent, node)
        else:
            holder.pairs.append((parent.key, node))
            parent.key = None

    def _add_key(self, parent: _Open, node: Node) -> None:
        parent.skip = True
        if not isinstance(node, ScalarNode):
            self._report(
                node,
                "yaml/key-not-text",
                "a key can't be a list or a group",
                advice='a text that begins with "{" or "[" must be in quotes',
            )
        elif node.plain and node.text == "<<":
            self._report(
                node,
                "yaml/merge-key",
                "merging with << isn't supported, since YAML 1.2 has no such key",
                advice="write the keys out, or repeat a whole value with an alias (*name)",
            )
        elif (first := parent.keys.get(node.text)) is not None:
            self._report(
                node,
                "yaml/duplicate-key",
                f"the key {shown(node.text)} is given twice",
                related=(first.location,),
            )
        else:
            parent.skip = False
            parent.keys[node.text] = parent.key = node


def _starred(name: str | None) -> str | None:
    return f"*{name}" if name else None
