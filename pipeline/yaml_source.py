"""Reading YAML files from outside: safely, within bounds, and with the place of every value.

Text that isn't UTF-8, is too large or holds invisible characters is refused here; the rest is
composed into `Node`s by `pipeline.yaml_composer`.
"""

import re
from pathlib import Path

import msgspec

from pipeline.file_meant import file_meant
from pipeline.foreign_text import HEAD, encoding_of
from pipeline.problems import Location, Problem, ProblemsFound, Severity
from pipeline.units import format_size
from pipeline.yaml_composer import Composer, Limits
from pipeline.yaml_nodes import Node, ScalarNode, Source

_NEWLINE = re.compile(r"\r\n|\r|\n")
# Invisible in an editor, and either an accident of copying or a trick (text that is shown in
# another order than it is read). YAML 1.1 also takes U+0085, U+2028 and U+2029 for line ends.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
# Those among them that only hide or turn text, and stand in some texts for good reason.
_TURNING = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069]")
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


def read_file(
    path: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    single: bool = False,
    turning: Severity = "error",
) -> Parsed:
    """As `parse_bytes`, of a file. A file that can't be read is a problem too."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:
        return _empty(Source(str(path), path.parent, (), (_unreadable(path, error),)))
    return parse_bytes(
        data,
        name=str(path),
        folder=path.parent,
        limits=limits,
        single=single,
        turning=turning,
    )


def parse_bytes(
    data: bytes,
    *,
    name: str,
    folder: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    single: bool = False,
    turning: Severity = "error",
) -> Parsed:
    """The documents in UTF-8 text, with the problems of its syntax; it raises nothing.

    `name` is shown as the file's name, `folder` is what relative paths in it start from (the
    current folder if None). An empty file is one empty document; so is a file that is too broken
    to have any. With `single`, a second document is an error. `turning` says how bad it is if
    there are characters that are shown as nothing, or turn the direction of text.
    """
    folder = folder if folder is not None else Path()
    text, problems = _decode(data, name, limits)
    if text is None:
        return _empty(Source(name, folder, (), problems))
    source = Source(name, folder, _NEWLINE.split(text), problems)
    if found := _INVISIBLE.search(text):
        severity: Severity = "error"
        if turning == "warning" and not _INVISIBLE.search(_TURNING.sub("", text)):
            severity = "warning"
        problems.append(_invisible(source, text, found, severity))
        if severity == "error":
            return _empty(source)
    composer = Composer(source, limits, problems, single)
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
        meant = file_meant(path)
        return Problem(
            location=place,
            code="yaml/no-such-file",
            message="there is no such file",
            hint=str(meant) if meant else None,
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
    if (encoding := encoding_of(data[:HEAD])) is not None:
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


def _invisible(source: Source, text: str, found: re.Match[str], severity: Severity) -> Problem:
    before = _NEWLINE.split(text[: found.start()])
    char = f"\\u{ord(found[0]):04x}"
    place = Node(source, len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2)
    return place.problem(
        "yaml/invisible-character",
        f"an invisible character (U+{ord(found[0]):04X}) stands here",
        severity=severity,
        advice=f'delete it, or if it is meant, write it in double quotes as "{char}"',
    )
