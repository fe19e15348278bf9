"""Writes ``docs/reference/`` and ``docs/catalogue/``: ``python -m docs.generate``.

Nothing in those folders is written by hand: the reference is from the code, the catalogue from the
rules. A test compares them with what this gives.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import (
    catalogue,
    cli,
    configuration,
    conversion,
    correlators,
    elasticsearch,
    fields,
    lanes,
    metrics,
    packages,
    personal_data,
    solana,
    standards,
)
from splunk import build as splunk_app

REFERENCE = Path(__file__).parent / "reference"
CATALOGUE = Path(__file__).parent / "catalogue"
PAGES: Mapping[str, Callable[[], str]] = {
    "fields.md": fields.page,
    "personal-data.json": personal_data.page,
    "configuration.md": configuration.page,
    "correlators.md": correlators.page,
    "conversion.md": conversion.page,
    "elasticsearch.md": elasticsearch.page,
    "lanes.md": lanes.page,
    "metrics.md": metrics.page,
    "packages.md": packages.page,
    "solana.md": solana.page,
    "standards.md": standards.page,
    "cli.md": cli.page,
}


def main() -> None:
    """Write every page that differs, and say which."""
    _write(REFERENCE, {name: page() for name, page in PAGES.items()})
    _write(CATALOGUE, catalogue.pages())
    # Saved searches of the Splunk app come from the rules as well.
    splunk_app.write()


def _write(folder: Path, pages: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        if changed:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'written  ' if changed else 'unchanged'} {folder.name}/{name}\n")
    for path in folder.iterdir():
        if path.name not in pages:
            path.unlink()
            sys.stdout.write(f"removed   {folder.name}/{path.name}\n")


if __name__ == "__main__":
    main()
