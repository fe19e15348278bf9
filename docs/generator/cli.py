"""``cli.md``: every command of ``tapewatch`` with its arguments, options and exit codes."""

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from docs.generator.markdown import code, document, prose, table
from pipeline.cli import commands, failures

_INTRODUCTION = """\
Errors go to standard error, results to standard output. Every command has `--help`.

With `--json` standard output holds JSON and nothing else: one value, or, where it says "a line for
each", a line for each thing that is listed, and none where nothing is. What could not be done is
said on standard error, in words, and by the exit code; then standard output is empty, but for
commands whose findings are the result, such as `doctor`, `rules check` and `audit verify`."""


def page() -> str:
    """The page."""
    root = typer.main.get_command(commands.app)
    return document(
        "Command line",
        _INTRODUCTION,
        f"## Exit codes\n\n{prose(inspect.getdoc(failures))}\n\n130: stopped by Ctrl-C.",
        f"## tapewatch\n\n{prose(root.help)}\n\n{_parameters(root)}",
        *(
            f"## {name}\n\n{prose(one.help)}\n\n{_parameters(one)}"
            for name, one in every_command().items()
        ),
    )


def every_command() -> dict[str, Any]:
    """All commands that do something, by their whole name, such as ``tapewatch rules check``."""
    return dict(_commands(typer.main.get_command(commands.app), "tapewatch"))


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, found in sorted(group.commands.items()):
        whole = f"{name} {word}"
        if hasattr(found, "commands"):
            yield from _commands(found, whole)
        else:
            yield whole, found


def _parameters(one: Any) -> str:
    hints = get_type_hints(inspect.unwrap(one.callback))
    rows = [_row(parameter, hints.get(parameter.name)) for parameter in one.params]
    return table(("", "value", "default", "meaning"), rows) if rows else ""


def _row(parameter: Any, hint: Any) -> tuple[str, str, str, str]:
    option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if option else [parameter.name.upper()]
    notes = [parameter.help or ""]
    if getattr(parameter, "envvar", None):
        notes.append(f"Also by the environment: {code(parameter.envvar)}.")
    return (
        ", ".join(map(code, names)),
        "" if hint is bool else _value(hint),
        _default(parameter),
        " ".join(note for note in notes if note),
    )


_NOUNS: dict[Any, str] = {Path: "path", int: "whole number", float: "number", str: "text"}


def _value(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(map(code, get_args(hint)))
    if get_origin(hint) is list:
        return f"{_value(get_args(hint)[0])}, several"
    if get_origin(hint) in (Union, types.UnionType):
        return _value(next(part for part in get_args(hint) if part is not type(None)))
    return _NOUNS[hint]


def _default(parameter: Any) -> str:
    if parameter.required:
        return "**required**"
    if isinstance(parameter.show_default, str):
        return code(parameter.show_default)
    if parameter.default in (None, False, ()):
        return ""
    return code(parameter.default)
