"""``packages.md``: where what is, by the first sentence of each module."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from docs.generator.markdown import code, document, sentence, table

_ROOT = Path(__file__).parents[2]

_INTRODUCTION = """\
Events flow from left to right: `collectors`, `normalizer`, `detections`, `delivery`; `evidence` is
beside them, and `pipeline` below. Which of them may import which is a contract that `make lint`
holds; only the command line wires all. How and why it works as it does is in the
[design notes](../design-notes.md)."""


def page() -> str:
    """The page."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    importing = settings["tool"]["importlinter"]
    contracts = [f"- {one['name']}." for one in importing["contracts"]]
    sections = [
        _section(folder)
        for root in importing["root_packages"]
        for folder in _packages(_ROOT / root)
    ]
    return document("Packages", _INTRODUCTION + "\n\n" + "\n".join(contracts), *sections)


def _packages(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("__init__.py"), key=lambda path: path.parent.parts):
        yield path.parent


def _section(folder: Path) -> str:
    place = folder.relative_to(_ROOT)
    modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    rows = [
        (f"[{code(path.stem)}](../../{place.as_posix()}/{path.name})", _says(path))
        for path in modules
    ]
    heading = f"## {code('.'.join(place.parts))}\n\n{_says(folder / '__init__.py')}"
    return f"{heading}\n\n{table(('module', 'what'), rows)}" if rows else heading


def _says(path: Path) -> str:
    """The first paragraph of a module's docstring, on one line."""
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return sentence((said or "").partition("\n\n")[0])
