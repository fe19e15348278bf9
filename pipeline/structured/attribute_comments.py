"""What is written about a class's attributes: ``#:`` comments above, or a string below them."""

import ast
import inspect
import re
import sys
from collections.abc import Mapping
from functools import cache

_DOUBLE = re.compile(r"``([^`]+)``")
_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


@cache
def attribute_comments(cls: type) -> Mapping[str, str]:
    """The comment of every attribute that has one, those of base classes included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _of_module(base.__module__).get(base.__qualname__, {})
    return found


@cache
def _of_module(module: str) -> Mapping[str, Mapping[str, str]]:
    try:
        source = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return {}  # a class of C, such as object
    lines = source.splitlines()
    return {
        node.name: _of_class(node, lines)
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _of_class(cls: ast.ClassDef, lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, node in enumerate(cls.body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        below = cls.body[place + 1] if place + 1 < len(cls.body) else None
        text = _above(lines, node.lineno) or _docstring(below)
        if text:
            found[node.target.id] = _sentence(text)
    return found


def _above(lines: list[str], line: int) -> str:
    """The block of ``#:`` comments that ends above a line, counted from 1."""
    block: list[str] = []
    for text in reversed(lines[: line - 1]):
        stripped = text.strip()
        if not stripped.startswith("#:"):
            break
        block.insert(0, stripped.removeprefix("#:").strip())
    return " ".join(block)


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        value = node.value.value
        return value if isinstance(value, str) else ""
    return ""


def _sentence(text: str) -> str:
    """On one line, without what only Sphinx reads."""
    plain = _DOUBLE.sub(r"`\1`", _ROLE.sub(r"`\1`", inspect.cleandoc(text)))
    return " ".join(plain.split())
