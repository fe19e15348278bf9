"""Writes ``docs/reference/`` from the code: ``python -m docs.generate``.

Nothing in that folder is written by hand. A test compares it with what this gives.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import cli, configuration, correlators, fields, metrics, rules

REFERENCE = Path(__file__).parent / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "fields.md": fields.page,
    "configuration.md": configuration.page,
    "correlators.md": correlators.page,
    "rules.md": rules.page,
    "metrics.md": metrics.page,
    "cli.md": cli.page,
}


def main() -> None:
    """Write every page that differs, and say which."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        if changed:
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'written  ' if changed else 'unchanged'} {path.name}\n")


if __name__ == "__main__":
    main()
