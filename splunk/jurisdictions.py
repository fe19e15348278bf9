"""The lookup of jurisdictions: country and place by ISO 3166-1 alpha-2 code.

Source: `iso3166.tab` and `zone.tab` of the time zone database (public domain), in the package
tzdata. The place is that of the country's first zone, for most its largest city.
"""

import csv
import io
import re
from collections.abc import Iterator
from importlib.resources import files

_COORDINATES = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?")
HEADER = ("jurisdiction", "country", "latitude", "longitude")


def lookup() -> str:
    """The CSV file of the lookup."""
    places: dict[str, tuple[str, str]] = {}
    for code, coordinates, *_ in _rows("zone.tab"):
        places.setdefault(code, _degrees(coordinates))
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(HEADER)
    for code, country, *_ in sorted(_rows("iso3166.tab")):
        if code in places:
            writer.writerow([code, country, *places[code]])
    return written.getvalue()


def _rows(name: str) -> Iterator[list[str]]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def _degrees(coordinates: str) -> tuple[str, str]:
    """ISO 6709 (+DDMM+DDDMM or with seconds) as decimal degrees."""
    found = _COORDINATES.fullmatch(coordinates)
    assert found is not None, coordinates
    north, a, b, c, east, d, e, f = found.groups()
    return _decimal(north, a, b, c), _decimal(east, d, e, f)


def _decimal(sign: str, degrees: str, minutes: str, seconds: str | None) -> str:
    value = int(degrees) + int(minutes) / 60 + int(seconds or 0) / 3600
    return f"{-value if sign == '-' else value:.3f}"
