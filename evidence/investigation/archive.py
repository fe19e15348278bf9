"""Where documents of the past lie, to be asked for those around some names and ids."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from ahocorasick_rs import BytesAhoCorasick
from msgspec import Struct

from pipeline.event_sources.files import FileSource
from pipeline.event_sources.selection import select_files
from pipeline.failure import CONFIGURATION, Failure


class Found(Struct, frozen=True):
    """A document, and where it stands."""

    #: JSON, as it is there.
    document: bytes
    place: str


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for: documents that hold one of these. More may be given."""

    names: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    actions: tuple[str, ...] = ()
    #: Nanoseconds of event time; of the names and actions only.
    since: int | None = None
    until: int | None = None

    @property
    def texts(self) -> list[str]:
        """All that is looked for, in a fixed order."""
        return [*sorted(self.names), *sorted(self.ids), *self.actions]


class Archive(Protocol):
    """Documents of the past."""

    @property
    def name(self) -> str:
        """What it is, for people: no secret."""
        ...

    def alerts(self, wanted: Wanted) -> Iterator[Found]:
        """Alerts and what became of them. Raises Failure."""
        ...

    def events(self, wanted: Wanted) -> Iterator[Found]:
        """Events. Raises Failure."""
        ...

    def cases(self, case: str) -> Iterator[Found]:
        """What was done to the case of this id. Raises Failure."""
        ...


class FolderArchive:
    """What a file sink has written."""

    def __init__(self, folder: Path, parts: Sequence[str] = ("alerts", "events")) -> None:
        """`parts`: what must be there."""
        self._folder = folder
        for part in parts:
            if not (folder / part).is_dir():
                raise Failure(
                    f"{folder} has no folder {part}: name the one that a file sink writes to",
                    CONFIGURATION,
                )

    @property
    def name(self) -> str:
        """The folder's own name: where it lies is nobody's business."""
        return f"files of {self._folder.name}"

    def alerts(self, wanted: Wanted) -> Iterator[Found]:
        """Alerts and what became of them. Raises Failure."""
        return self._matching("alerts", wanted)

    def events(self, wanted: Wanted) -> Iterator[Found]:
        """Events. Raises Failure."""
        return self._matching("events", wanted)

    def cases(self, case: str) -> Iterator[Found]:
        """What was done to the case of this id. Raises Failure."""
        if (self._folder / "cases").is_dir():
            yield from self._matching("cases", Wanted(ids=frozenset((case,))))

    def _matching(self, part: str, wanted: Wanted) -> Iterator[Found]:
        needles = [msgspec.json.encode(text) for text in wanted.texts]
        if not needles:
            return
        search = BytesAhoCorasick(needles).find_matches_as_indexes
        for batch in FileSource(select_files([self._folder / part])).batches():
            for number, line in enumerate(batch.lines, batch.first):
                if search(line):
                    yield Found(line, f"{Path(batch.place).name}:{number}")
