"""Writes what of the app is made from sources: `python -m splunk.build`, `--check` to compare."""

import sys
from collections.abc import Mapping
from pathlib import Path

from splunk import jurisdictions
from splunk.dashboard_source import SourceError, read_dashboards
from splunk.icons import icon
from splunk.rule_searches import savedsearches
from splunk.studio_definition import view

APP = Path(__file__).resolve().parent / "tapewatch"
VIEWS = "default/data/ui/views"
ICONS: Mapping[str, int] = {
    "static/appIcon.png": 36,
    "static/appIcon_2x.png": 72,
    "static/appIconAlt.png": 36,
    "static/appIconAlt_2x.png": 72,
    "appserver/static/tapewatch_webhook.png": 48,
}


def generated() -> dict[str, bytes]:
    """The files that are made from others, by their path in the app.

    Raises SourceError where a dashboard's source is wrong.
    """
    found = {f"{VIEWS}/{one.id}.xml": view(one).encode() for one in read_dashboards()}
    found["default/savedsearches.conf"] = savedsearches().encode()
    found["lookups/tapewatch_jurisdictions.csv"] = jurisdictions.lookup().encode()
    found |= {name: icon(size) for name, size in ICONS.items()}
    return found


def stale() -> list[str]:
    """Files that aren't what their sources make, and views that no source makes."""
    wanted = generated()
    views = [f"{VIEWS}/{path.name}" for path in sorted((APP / VIEWS).glob("*.xml"))]
    extra = [name for name in views if name not in wanted]
    changed = [
        name
        for name, content in wanted.items()
        if not (APP / name).is_file() or (APP / name).read_bytes() != content
    ]
    return changed + extra


def write() -> None:
    """Write them all, and remove views that no source makes."""
    wanted = generated()
    for name in stale():
        if name not in wanted:
            (APP / name).unlink()
    for name, content in wanted.items():
        path = APP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            found = stale()
            for name in found:
                print(f"{name} is not what its sources make: run `python -m splunk.build`")
            return 1 if found else 0
        write()
    except SourceError as error:
        print(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
