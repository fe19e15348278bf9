"""What is wrong with a file that a person wrote, said so that this person can put it right.

A `Problem` has a place, the line that stands there, what was expected and, where something close
exists, what was probably meant. All problems of a file are collected and shown together.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import msgspec

from pipeline.masking import masked

Severity = Literal["error", "warning"]

# Characters that move the cursor, reverse the text or show nothing: never sent to a terminal.
UNSHOWABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_LONGEST_WORD = 64
_MOST_CANDIDATES = 2_000
_MOST_LISTED = 12
_MOST_LOOKED_AT = 5
_CLOSE = 0.6


class Location(msgspec.Struct, frozen=True, order=True):
    """A place in a file. Lines and columns count from 1; line 0 means the file as a whole."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Excerpt(msgspec.Struct, frozen=True):
    """The source line of a problem, shortened and masked where needed.

    `start` counts characters from 0 to the first one that is meant, `length` says how many are.
    """

    text: str
    start: int
    length: int


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong (error) or doubtful (warning) in a file."""

    location: Location
    code: str
    message: str
    severity: Severity = "error"
    expected: str | None = None
    """What would have been right: "a duration from 1s to 1h, such as 5s"."""
    hint: str | None = None
    """What was probably meant, as it should be written."""
    advice: str | None = None
    """What to do, where naming the right form doesn't say it."""
    path: str = ""
    """Where in the structure: `sources[2].window`."""
    context: Excerpt | None = None
    related: tuple[Location, ...] = ()
    """Other places that belong to it, such as the first of two equal keys."""


class ProblemsFound(Exception):
    """A file can't be used. `problems` holds all that was found in it, warnings included."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(in_file_order(problems))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return render(self.problems)


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was probably meant to be, or None if nothing is close."""
    if not word or len(word) > _LONGEST_WORD:
        return None
    known = [name for name in candidates if len(name) <= _LONGEST_WORD][:_MOST_CANDIDATES]
    plain = {_letters(name): name for name in reversed(known)}
    if (same := plain.get(_letters(word))) is not None:
        return same
    close = difflib.get_close_matches(_letters(word), plain, n=_MOST_LOOKED_AT, cutoff=_CLOSE)
    return next((plain[one] for one in close if _alike(_letters(word), one)), None)


def _alike(word: str, other: str) -> bool:
    """Whether they are also close part by part: `minimum_value` isn't `minimum_trades`."""
    parts, others = re.split(r"[._]", word), re.split(r"[._]", other)
    return len(parts) != len(others) or all(map(_part_alike, parts, others))


def _part_alike(part: str, other: str) -> bool:
    if part.startswith(other) or other.startswith(part) or len(part) == len(other) == 1:
        return True
    if min(len(part), len(other)) == 2 and part[0] == other[0]:
        return True  # px is short for price
    return difflib.SequenceMatcher(None, part, other).ratio() >= _CLOSE


def _letters(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")


def one_of(choices: Iterable[str], last: str = "or") -> str:
    """`a, b or c`, cut short where there are many."""
    names = list(choices)
    if len(names) > _MOST_LISTED:
        return f"{', '.join(names[:_MOST_LISTED])} {last} {len(names) - _MOST_LISTED} more"
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def all_of(names: Iterable[str]) -> str:
    """`a, b and c`, cut short where there are many."""
    return one_of(names, "and")


def shown(text: str, most: int = 60) -> str:
    """`text` in double quotes, on one line, its invisible characters as escapes, secrets masked."""
    text = masked(text[:1_000])
    cut = text if len(text) <= most else text[: most - 1] + "…"
    visible = "".join(_visible(char) for char in cut)
    return f'"{visible}"'


def _visible(char: str) -> str:
    if char in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[char]
    if UNSHOWABLE.match(char) or (char != " " and unicodedata.category(char) == "Zs"):
        return f"\\u{ord(char):04x}"
    return char


def fit_for_terminal(text: str) -> str:
    """Text of any number of lines, without what would command a terminal: it may hold names and
    sentences that somebody else wrote."""
    return "\n".join(UNSHOWABLE.sub("\ufffd", line) for line in text.split("\n"))


def excerpt(line: str, column: int, length: int = 1, width: int = 120) -> Excerpt:
    """The part of `line` around `column` (from 1), safe to print and at most `width` long."""
    start = min(max(column - 1, 0), len(line))
    length = max(1, min(length, len(line) - start))
    before = 0
    if len(line) > width:
        before = min(max(0, start - width // 2), len(line) - width)
    text = UNSHOWABLE.sub("\ufffd", line[before : before + width])
    length = max(1, min(length, width - (start - before)))
    start -= before
    if before:
        text = "…" + text[1:]
    if before + width < len(line):
        text = text[:-1] + "…"
    return Excerpt(text, start, length)


def render(problems: Sequence[Problem], most: int = 100) -> str:
    """The problems as text for a terminal or a log, in the order of the file.

    Each one is `file:line:column: error: message`, the source line with its place underlined, what
    was expected, and what was probably meant. Past `most` only their number is said.
    """
    ordered = in_file_order(problems)
    parts = [_render_one(problem) for problem in ordered[:most]]
    if len(ordered) > most:
        parts.append(f"... and {len(ordered) - most} more")
    return fit_for_terminal("\n\n".join(parts))


#: Of such a value nothing is known, and all else that is said of it follows from this. The first
#: that applies counts.
_UNREADABLE = ("yaml/tag", "yaml/unknown-alias", "secret/not-here", "config/wrong-type")
_OF_OTHERS = ("config/missing-key", "rule/missing-key")
#: A key without a value, which may be what is wrong for more than one reason.
NOTHING = "config/nothing"


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems by file, line and column; what is said twice of one place is kept once.

    Of a value that can't be read at all only that is kept: whoever else looks for it and finds
    nothing has words of its own for that.
    """
    found = {(p.location, p.code, p.message): p for p in problems}.values()
    codes: dict[Location, set[str]] = {}
    for one in found:
        codes.setdefault(one.location, set()).add(one.code)
    return sorted(
        (one for one in found if not _follows(one, codes[one.location])),
        key=lambda p: p.location,
    )


def _follows(problem: Problem, codes: Collection[str]) -> bool:
    """Whether it only follows from another problem at its place, where there are these."""
    if len(codes) == 1 or problem.code in _OF_OTHERS:
        return False
    if problem.code == NOTHING:
        return True
    first = next((code for code in _UNREADABLE if code in codes), problem.code)
    return problem.severity == "error" and problem.code != first


def summary(problems: Iterable[Problem]) -> str:
    """`3 errors, 1 warning`."""
    counts = {"error": 0, "warning": 0}
    for problem in problems:
        counts[problem.severity] += 1
    said = [f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items() if n]
    return ", ".join(said) or "no problems"


def to_json(problems: Iterable[Problem]) -> str:
    """The problems as a JSON array, in the order of the file, for editors and CI."""
    return msgspec.json.format(msgspec.json.encode(in_file_order(problems)), indent=2).decode()


def _render_one(problem: Problem) -> str:
    where = f" ({problem.path})" if problem.path else ""
    lines = [f"{problem.location}: {problem.severity}: {problem.message}{where}"]
    if problem.context is not None:
        number = str(problem.location.line)
        lines.append(f"  {number} | {problem.context.text}")
        lines.append(f"  {' ' * len(number)} | {_underline(problem.context)}")
    lines.extend(f"    see also {place}" for place in problem.related)
    if problem.expected is not None:
        lines.append(f"    expected {problem.expected}")
    if problem.hint is not None:
        lines.append(f"    did you mean {problem.hint}?")
    if problem.advice is not None:
        lines.append(f"    {problem.advice}")
    return "\n".join(lines)


def _underline(context: Excerpt) -> str:
    # Tabs are kept and wide characters counted twice, so that the mark stands under its text.
    before, marked = context.text[: context.start], context.text[context.start :]
    blank = "".join("\t" if c == "\t" else " " * _cells(c) for c in before)
    return blank + "^" * max(1, sum(_cells(c) for c in marked[: context.length]))


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
