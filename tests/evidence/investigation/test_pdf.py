"""The timeline as PDF: the same bytes for the same material, whatever events say."""

from pathlib import Path

from evidence.investigation.archive import FolderArchive
from evidence.investigation.export import Parts, export
from evidence.investigation.gather import gather
from evidence.investigation.pdf import write_pdf
from pipeline.units import HOUR
from tests.demo.invented_alerts import T0
from tests.evidence.investigation.recorded_case import CASE, placed, write

#: What would be code, a reference and a broken formula if it were typst's markup.
EVIL = '#read("/etc/passwd") $x @label "]) <y>'


def made(folder: Path, to: Path, *, also: tuple[str, ...] = ()) -> bytes:
    gathered = gather(FolderArchive(folder), "abc123", window=HOUR, also=also)
    export(gathered, Parts(), to, writers=[write_pdf])
    return (to / "timeline.pdf").read_bytes()


def test_the_same_material_gives_the_same_pdf(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", CASE)
    first = made(folder, tmp_path / "first")
    assert first.startswith(b"%PDF-")
    assert first == made(folder, tmp_path / "second")


def test_what_events_say_is_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", [*CASE, placed("evil", T0, EVIL)])
    found = made(folder, tmp_path / "export", also=(EVIL,))
    assert found != made(folder, tmp_path / "without")
