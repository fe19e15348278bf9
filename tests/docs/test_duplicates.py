"""Every test that the table of second copies names is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_NAMED = re.compile(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`")
NAMED = _NAMED.findall((ROOT / "docs" / "duplicates.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_named_test_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not name or name in functions


def test_the_table_names_tests() -> None:
    assert len(NAMED) > 15
