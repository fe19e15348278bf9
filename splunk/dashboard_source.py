"""The readable form of the app's dashboards: `splunk/sources/dashboards/*.yaml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

FOLDER = Path(__file__).resolve().parent / "sources" / "dashboards"
#: A row is as wide as this many columns.
COLUMNS = 12

Shown = Literal["number", "column", "line", "area", "bar", "pie", "table", "map", "sankey"]
Colour = Literal["critical", "high", "medium", "low"]
Identifier = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]


class SourceError(Exception):
    """A source isn't of the form below; the text has the file and the place in it."""


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a click on a row leads: to a URL, or to a dashboard of the app with its tokens set."""

    url: str | None = None
    dashboard: Identifier | None = None
    tokens: dict[Identifier, str] = {}


class Panel(Struct, frozen=True, forbid_unknown_fields=True):
    """One visualization."""

    title: str
    show: Shown
    search: str
    """SPL. With `after` it begins with a pipe and goes on where that shared search ends."""
    width: Annotated[int, Meta(ge=1, le=COLUMNS)]
    after: Identifier | None = None
    colour: Colour | None = None
    unit: str | None = None
    decimals: int = 0
    stacked: bool = False
    all_time: bool = False
    """Over all that there is, whatever time is chosen. Without `after` only."""
    link: Link | None = None
    """Columns whose names begin with an underscore aren't shown, but a link can use them."""


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """Panels side by side, which fill the width."""

    height: Annotated[int, Meta(ge=60, le=1000)]
    """In pixels."""
    panels: list[Panel]


class TextInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is typed, or given by a link from another dashboard."""

    token: Identifier
    label: str
    default: str


class Dashboard(Struct, frozen=True, forbid_unknown_fields=True):
    """One dashboard. All have a time range, with the token `time`."""

    id: Identifier
    title: str
    description: str
    searches: dict[Identifier, str]
    """Searches that several panels go on from."""
    rows: list[Row]
    inputs: list[Literal["classification", "accreditation"] | TextInput] = []
    refresh: Annotated[str, Meta(pattern=r"^[0-9]+[smh]$")] = "5m"

    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels


def read_dashboards(folder: Path = FOLDER) -> list[Dashboard]:
    """All of them, in the order of their files' names.

    Raises SourceError where a file isn't of the form above, a row isn't filled, or a panel goes on
    from a search that isn't there.
    """
    return [_read(path) for path in sorted(folder.glob("*.yaml"))]


def _read(path: Path) -> Dashboard:
    try:
        found = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Dashboard)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name}: {error}") from None
    for number, row in enumerate(found.rows, start=1):
        width = sum(panel.width for panel in row.panels)
        if width != COLUMNS:
            raise SourceError(f"{path.name}: row {number} is {width} wide, not {COLUMNS}")
    for panel in found.panels():
        where = f"{path.name}: {panel.title}"
        if panel.after is not None and panel.after not in found.searches:
            raise SourceError(f"{where}: there is no search {panel.after!r}")
        if panel.all_time and panel.after is not None:
            raise SourceError(f"{where}: with `after` the time is that of the shared search")
        if (panel.after is not None) != panel.search.lstrip().startswith("|"):
            raise SourceError(
                f"{where}: a search begins with a pipe if, and only if, it has `after`"
            )
    return found
