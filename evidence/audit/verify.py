"""Whether an audit log is what was signed: every entry, every hash, every checkpoint.

What was changed is found by three things that only who has the key can make fit together: the
number that each entry says to have, the hash that is stored of it, and the signed roots over all of
them. Each is looked at by itself, so that what doesn't fit has a place. Who takes away the newest
entries together with their checkpoints leaves a log that was right once: hold it against a
checkpoint that you kept, or that was anchored. Who takes away the newest checkpoints alone leaves
entries that nobody has signed: no more than a crash may leave are taken for that, and once they
were signed at a later start, the log itself says which.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import BinaryIO, Literal

from msgspec import Struct

from evidence.audit.entries import EntryUnreadable, decode, number_of
from evidence.audit.folder import segment_name
from evidence.audit.merkle import HASH_SIZE, Frontier, leaf_hash
from evidence.audit.notes import Checkpoint, NoteWrong, VerifyingKey, open_checkpoint
from evidence.audit.store import MOST_LEFT, MOST_UNSIGNED, SIGNED_LATE, AuditFolder

Kind = Literal[
    "changed", "inserted", "deleted", "reordered", "truncated", "forked", "unreadable", "hashes"
]
#: Problems that are told one by one.
MOST_TOLD = 100
_TOLD_EVERY = 4_096
#: Levels of hashes: a log has less than 2 ** 48 entries.
_LEVELS = 48
_RECOVERED = b'"action":"log-recovered"'


class Tampering(Struct, frozen=True):
    """Something that isn't as it was signed."""

    kind: Kind
    #: The first entry that it concerns, and the first behind those that it may concern.
    first: int
    end: int
    message: str


class Verdict(Struct, kw_only=True):
    """What was found."""

    origin: str
    entries: int
    #: How many of them are under a signed checkpoint that is right.
    signed: int
    #: How many came after the newest one: they will be signed, if the log is being written.
    unsigned: int
    checkpoints: int
    root: str
    problems: list[Tampering]
    #: How many there are, told or not.
    count: int
    #: Entries that were signed at a later start only, by what the log says of itself.
    late: list[str]

    @property
    def good(self) -> bool:
        """Whether everything is as it was signed."""
        return not self.count


def verify(
    folder: AuditFolder,
    key: VerifyingKey,
    *,
    against: Sequence[Checkpoint] = (),
    anchored: Sequence[tuple[Checkpoint, str]] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Verdict:
    """Read the whole log. `against`: checkpoints that you have from elsewhere, trusted.

    `anchored`: such ones as well, each with what its source is called. Raises AuditLogFailed if
    it can't be read.
    """
    known = [*((one, "the checkpoint that you gave") for one in against), *anchored]
    return _Verification(folder, key, known, progress).run()


class _Numbers:
    """The numbers that entries say to have, one after the other: what is gone, twice, or moved."""

    def __init__(self) -> None:
        self.expected = 0
        #: Numbers that did not come when they should have: from, and up to but not with.
        self.skipped: list[tuple[int, int]] = []

    def take(self, number: int) -> Kind | None:
        """The next entry's number: what is wrong with it by itself."""
        if number >= self.expected:
            if number > self.expected:
                self.skipped.append((self.expected, number))
            self.expected = number + 1
            return None
        for place, (first, end) in enumerate(self.skipped):
            if first <= number < end:
                parts = ((first, number), (number + 1, end))
                self.skipped[place : place + 1] = [one for one in parts if one[0] < one[1]]
                return "reordered"
        return "inserted"


class _Hashes:
    """The hashes of a level as they are stored."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self._count = 0 if file is None else file.seek(0, 2) // HASH_SIZE
        self._next = -1

    def of(self, number: int) -> bytes | None:
        if self._file is None or number >= self._count:
            return None
        if number != self._next:
            self._file.seek(number * HASH_SIZE)
        found = self._file.read(HASH_SIZE)
        self._next = number + 1
        return found if len(found) == HASH_SIZE else None


class _Verification:
    def __init__(
        self,
        folder: AuditFolder,
        key: VerifyingKey,
        against: Sequence[tuple[Checkpoint, str]],
        progress: Callable[[int], None],
    ) -> None:
        self._folder = folder
        self._key = key
        self._against = against
        self._progress = progress
        self._frontier = Frontier()
        self._numbers = _Numbers()
        self._problems: list[Tampering] = []
        self._count = 0
        #: The log's own checkpoints, which may be very many, by size, and the next one.
        self._own = self._read_checkpoints()
        self._next: tuple[Checkpoint, str] | None = None
        self._last = max((one.size for one, _ in against), default=0)
        self._good = 0
        self._checkpoints = 0
        self._torn: int | None = None
        self._late: list[str] = []
        #: The first stored hash over several entries that is wrong: level and number.
        self._wrong_hash: tuple[int, int] | None = None

    def run(self) -> Verdict:
        self._next = next(self._own, None)
        with ExitStack() as files:
            levels: list[_Hashes] = []
            for level in range(_LEVELS):
                file: BinaryIO | None = None
                with suppress(OSError):
                    file = files.enter_context(self._folder.nodes(level).open("rb"))
                levels.append(_Hashes(file))
            self._read_entries(levels)
        for first, end in self._numbers.skipped:
            self._find("deleted", first, end, f"{_span(first, end)} gone")
        entries = self._frontier.size
        last = self._last
        if last > entries and not self._numbers.skipped:
            what = f"{_span(entries, last)} missing at the end"
            self._find("truncated", entries, last, what)
        if not self._checkpoints and entries > MOST_UNSIGNED:
            what = f"none of the {entries} entries is signed: there is no checkpoint of this key"
            self._find("deleted", 0, entries, what)
        self._judge_ends(entries, max(0, entries - last))
        return Verdict(
            origin=self._key.name,
            entries=entries,
            signed=self._good,
            unsigned=max(0, entries - last),
            checkpoints=self._checkpoints,
            root=self._frontier.root().hex(),
            problems=sorted(self._problems, key=lambda one: one.first),
            count=self._count,
            late=self._late,
        )

    def _judge_ends(self, entries: int, unsigned: int) -> None:
        """What is wrong with a log in which each entry by itself may be right."""
        if not entries and not self._last:
            what = "there is no entry, though a log has one from its beginning on: all are gone"
            self._find("deleted", 0, 0, what)
        if self._checkpoints and unsigned > MOST_LEFT:
            first = entries - unsigned
            what = (
                f"{_span(first, entries)} signed by nobody, more than a crash leaves: "
                "their checkpoints are gone"
            )
            self._find("deleted", first, entries, what)
        broken = self._count > 0
        for what in self._strangers(named=broken):
            self._find("reordered", 0, entries, what)
        if broken:
            return  # which is why the others don't fit
        if self._wrong_hash is not None:
            level, number = self._wrong_hash
            first, end = number << level, number + 1 << level
            what = (
                f"hash {number} of nodes/{level:02}, over entries {first} to {end - 1}, is wrong: "
                "proofs by it show nothing; stop Tapewatch, take the folder nodes away and start "
                "it: hashes are made anew of the entries, which are as they were signed"
            )
            self._find("hashes", first, end, what)

    def _strangers(self, *, named: bool) -> Iterator[str]:
        """Files beside the entries that are none, or have not the name of what they hold. `named`:
        only the former, which may be what is missing."""
        known = {path: number for number, path in self._folder.segments()}
        for path in sorted((self._folder.path / "entries").glob("*")):
            number = known.get(path)
            if number is None or path.name != segment_name(number):
                yield f"entries/{path.name} has not the name of a file of the log"
                continue
            if named:
                continue
            with path.open("rb") as file:
                found = number_of(file.readline())
            if found not in (number, None):
                yield f"entries/{path.name} begins with entry {found}, and was renamed"

    def _read_checkpoints(self) -> Iterator[tuple[Checkpoint, str]]:
        """Those that are signed, by size, each with who says it."""
        before: tuple[Checkpoint, str] | None = None
        for place, note in enumerate(self._folder.notes(), 1):
            who = f"checkpoint {place}"
            at = 0 if before is None else before[0].size
            try:
                found = open_checkpoint(note, self._key)
            except NoteWrong as error:
                self._find("unreadable", at, at, f"{who}: {error}")
                continue
            self._checkpoints += 1
            if found.size < at:
                what = f"{who} is of {found.size} entries, and comes after one of {at}"
                self._find("reordered", found.size, at, what)
                continue
            for other, whose in (*self._given(found.size), *([] if before is None else [before])):
                if other.size == found.size and other.root != found.root:
                    size = found.size
                    what = f"{who} and {whose} say different things of the first {size} entries"
                    self._find("forked", 0, found.size, what)
            before = found, who
            self._last = max(self._last, found.size)
            yield before

    def _given(self, size: int) -> Iterator[tuple[Checkpoint, str]]:
        for known in self._against:
            if known[0].size == size:
                yield known

    def _read_entries(self, levels: Sequence[_Hashes]) -> None:
        self._judge(0)
        due = {one.size for one, _ in self._against}
        for place, line in enumerate(self._folder.lines()):
            self._take(place, line.removesuffix(b"\n"), levels)
            if place + 1 in due or (self._next and place + 1 == self._next[0].size):
                self._judge(place + 1)
            if not place % _TOLD_EVERY:
                self._progress(place)
        self._progress(self._frontier.size)
        for _ in self._own:
            pass  # they are of more entries than there are
        if self._torn is not None and self._frontier.size <= self._last:
            self._tell_torn("")  # else a crash may have just left it so

    def _take(self, place: int, content: bytes, levels: Sequence[_Hashes]) -> None:
        number, hashes = number_of(content), levels[0]
        if self._torn is not None:
            self._tell_torn(_recovered(content))
        leaf = leaf_hash(content)
        for level, node in enumerate(self._frontier.add(leaf), 1):
            at = place >> level
            if self._wrong_hash is None and levels[level].of(at) not in (node, None):
                self._wrong_hash = level, at
        if _RECOVERED in content and (said := SIGNED_LATE.search(_recovered(content))):
            self._late.append(said[1])
        if number is None:
            number = self._numbers.expected
            self._torn = number
        kind = self._numbers.take(number)
        if kind is not None:
            self._find(kind, number, number + 1, f"line {place + 1} says that it is entry {number}")
        elif hashes.of(number) not in (leaf, None) and (
            # Behind what is gone or too many, hashes that were made anew stand by the line's place.
            place == number or hashes.of(place) != leaf
        ):
            self._find("changed", number, number + 1, f"entry {number} is not what was hashed")

    def _tell_torn(self, said: str) -> None:
        """An entry could not be read: if the log itself says that a crash did it, all is well."""
        assert self._torn is not None
        number, self._torn = self._torn, None
        if not said.startswith(f"entry {number} "):
            self._find("unreadable", number, number + 1, f"entry {number} is none")

    def _judge(self, size: int) -> None:
        """Hold the tree as it is now against what was signed of it."""
        said = list(self._given(size))
        while self._next is not None and self._next[0].size == size:
            said.append(self._next)
            self._next = next(self._own, None)
        for checkpoint, who in said:
            if checkpoint.root == self._frontier.root():
                self._good = size
            elif not self._problems and not self._numbers.skipped:
                # What was found already is the reason, and all later roots are other ones as well.
                what = f"{_span(self._good, size)} not what {who} was signed for"
                kind: Kind = "forked" if (checkpoint, who) in self._against else "changed"
                self._find(kind, self._good, size, what)

    def _find(self, kind: Kind, first: int, end: int, message: str) -> None:
        self._count += 1
        if len(self._problems) < MOST_TOLD:
            self._problems.append(Tampering(kind, first, end, message))


def _recovered(content: bytes) -> str:
    """What the log said of a restart, if this entry is that."""
    try:
        entry = decode(content)
    except EntryUnreadable:
        return ""
    return entry.what if entry.action == "log-recovered" else ""


def _span(first: int, end: int) -> str:
    return f"entry {first} is" if end - first == 1 else f"entries {first} to {end - 1} are"
