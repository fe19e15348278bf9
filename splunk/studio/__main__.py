"""Holds the dashboards to Splunk's validator and draws them: `python -m splunk.studio`.

Needs Node.js and Chromium, and installs Splunk's packages into `splunk/studio/node_modules` (half a
gigabyte). The rows are those that our reading of SPL (`splunk.spl`) finds in the demo's recorded
session. Writes `validated.json` and, with `--pictures`, `docs/images/splunk-*.png`.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from splunk.conf_file import app_conf
from splunk.dashboard_source import Dashboard, read_dashboards
from splunk.searches import filled
from splunk.shared_searches import whole
from splunk.spl.commands import Context
from splunk.spl.search import Query
from splunk.spl.values import Row, text
from splunk.studio.browser import BrowserError, Page, browser
from splunk.studio.validated import record
from splunk.studio_definition import Definition, definition
from tests.splunk.demo_results import TOKENS, demo_context

FOLDER = Path(__file__).resolve().parent
PICTURES = FOLDER.parents[1] / "docs" / "images"
#: Drawn in the dark theme too.
DARK_TOO = ("overview",)
_WIDTH = 1440
#: Small enough for a page of documentation, and still to be read.
_SCALE = 0.75
_DRAWN_WITHIN = 180.0
#: After the last panel is there, its marks still move for a moment.
_SETTLES = 6.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m splunk.studio", description=__doc__)
    parser.add_argument("--pictures", action="store_true", help="draw the screenshots as well")
    options = parser.parse_args(arguments)
    dashboards = read_dashboards()
    try:
        with tempfile.TemporaryDirectory() as folder:
            page = bundle(Path(folder))
            if validate(page, dashboards):
                return 1
            if options.pictures:
                draw_all(page, dashboards)
    except (BrowserError, OSError, subprocess.CalledProcessError) as error:
        print(error)
        return 2
    return 0


def bundle(folder: Path) -> Path:
    """A page with Splunk's packages in it, installed where they are missing."""
    if not (FOLDER / "node_modules" / ".package-lock.json").is_file():
        print("Installing Splunk's packages, once; that takes some minutes.")
        npm = shutil.which("npm")
        if npm is None:
            raise OSError("there is no npm: install Node.js")
        # No install script is run: esbuild's program comes in a package of its own.
        command = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603
    command = [
        str(FOLDER / "node_modules" / ".bin" / "esbuild"),
        *("page.jsx", "--bundle", f"--outfile={folder / 'page.js'}", "--log-level=error"),
        *('--define:process.env.NODE_ENV="production"', "--define:global=window"),
    ]
    subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603
    page = folder / "page.html"
    page.write_text(
        '<!doctype html><meta charset="utf-8"><title>Dashboard Studio</title>'
        '<link rel="stylesheet" href="page.css"><body style="margin: 0">'
        '<div id="dashboard"></div><script src="page.js"></script>'
    )
    return page


def validate(page: Path, dashboards: list[Dashboard]) -> int:
    """Hold each definition to Splunk's schema; how many problems there are."""
    passed: dict[str, Definition] = {}
    count = 0
    with browser(_WIDTH, 800) as tab:
        tab.open(page)
        for one in dashboards:
            made = definition(one)
            problems = tab.evaluate(f"problemsOf({_json(made)})")
            for problem in problems:
                print(f"{one.id}: {problem}")
            count += len(problems)
            if not problems:
                passed[one.id] = made
    record(passed)
    print(f"{len(passed)} of {len(dashboards)} dashboards are valid")
    return count


def draw_all(page: Path, dashboards: list[Dashboard]) -> None:
    """A picture of each, in the light theme, and of some in the dark."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    context = demo_context()
    for one in dashboards:
        for scheme in ("light", "dark") if one.id in DARK_TOO else ("light",):
            suffix = "-dark" if scheme == "dark" else ""
            target = PICTURES / f"splunk-{one.id.replace('_', '-')}{suffix}.png"
            target.write_bytes(draw(page, with_results(one, context), scheme))
            print(target.name, f"{target.stat().st_size // 1024} KiB")


def draw(page: Path, made: Definition, scheme: str) -> bytes:
    """The dashboard as Splunk draws it."""
    bottom = max(one["position"]["y"] + one["position"]["h"] for one in made["layout"]["structure"])
    with browser(_WIDTH, bottom + 8) as tab:
        tab.open(page)
        tab.evaluate(f'draw({_json(made)}, "{scheme}")')
        count = len(made["visualizations"])
        tab.wait(
            f"document.querySelectorAll('[data-test=viz-container], [data-test-viz-id]').length"
            f" >= {count} || document.querySelectorAll('#dashboard svg, #dashboard table').length"
            f" >= {count // 2}",
            _DRAWN_WITHIN,
        )
        time.sleep(_SETTLES)
        types = {one["type"] for one in made["visualizations"].values()}
        picture = tab.screenshot(1.0 if "splunk.map" in types else _SCALE)
        follow_links(tab, made)
        if tab.failures:
            raise BrowserError(f"the renderer failed: {tab.failures[0]}")
        return picture


def follow_links(tab: Page, made: Definition) -> None:
    """Click on the first row of every table. Raises BrowserError where a link leads nowhere.

    A link whose row has no value for it (a chain without a block explorer) may lead nowhere.
    """
    tab.evaluate("window.open = (url) => { (window.opened ||= []).push(url); return null; }")
    tab.evaluate(
        "document.querySelectorAll('table').forEach((table) => {"
        " const cell = table.querySelector('tbody td a, tbody td span, tbody td');"
        " for (const type of ['mousedown', 'mouseup', 'click'])"
        " cell?.dispatchEvent(new MouseEvent(type, { bubbles: true })); })"
    )
    time.sleep(1)
    opened: list[str] = tab.evaluate("window.opened || []")
    for one in made["visualizations"].values():
        for handler in one.get("eventHandlers", []):
            url: str = handler["options"]["url"]
            first, _, rest = url.partition("$row.")
            source = made["dataSources"][one["dataSources"]["primary"]]["options"]["data"]
            place = [field["name"] for field in source["fields"]].index(rest.partition(".")[0])
            if not source["columns"][place] or source["columns"][place][0] is None:
                continue
            filled_in = [link for link in opened if link.startswith(first) and "$" not in link]
            if not filled_in:
                raise BrowserError(f"{one['title']}: a click opens none of {url}, but {opened}")


def with_results(dashboard: Dashboard, context: Context) -> Definition:
    """The definition with rows in place of searches."""
    made = definition(dashboard)
    macros = app_conf("macros")
    panels = list(dashboard.panels())
    for number, panel in enumerate(panels, start=1):
        query = Query(filled(whole(dashboard, panel), TOKENS), macros)
        rows = query.run(context)
        made["dataSources"][f"search_{number}"] = {
            "type": "ds.test",
            "options": {"data": _columns(rows, query.columns()), "meta": {}},
        }
    for name, source in list(made["dataSources"].items()):
        if source["type"] != "ds.test":
            del made["dataSources"][name]
    for one in made["visualizations"].values():
        if one["type"] == "splunk.map":
            # Tiles come over the network.
            one["options"]["showBaseLayer"] = False
    # Inputs need a search head; a picture is of what they were set to.
    made["inputs"] = {}
    made["layout"]["globalInputs"] = []
    return made


def _columns(rows: list[Row], columns: list[str] | None) -> Definition:
    """Rows as a data source gives them: by column, each value a text."""
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    if "_time" in names:
        names = ["_time", *(name for name in names if name != "_time")]
    return {
        "fields": [{"name": name} for name in names],
        "columns": [[_shown(name, row) for row in rows] for name in names],
    }


def _shown(name: str, row: Row) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if name == "_time" and isinstance(value, float):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(value))
    return text(value)


def _json(value: Definition) -> str:
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
