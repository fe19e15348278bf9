"""Walks through a page as its reader would: writes what is to be written, runs what is to be run.

Marks before the blocks of a page say what to do with each:

- ``<!-- file: NAME -->``: write it.
- ``<!-- configuration -->``: put it into ``pipeline.yaml``.
- ``<!-- run -->``: run it by the shell; ``<!-- run, exit 2 -->``: it ends with that code.
- ``<!-- shown -->``: whole lines, one after the other, of what the last command wrote.

What the text around them tells in words stands in comments alone:

- ``<!-- in NAME: OLD -> NEW -->``: change a file.
- ``<!-- run: COMMAND -->``, ``<!-- run, exit 2: COMMAND -->``: run it.
"""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.cli.command_line import ROOT, environment

_STEP = re.compile(
    r"^<!-- (?P<mark>file: \S+|configuration|run(?:, exit \d+)?|shown) -->\n"
    r"```[a-z]*\n(?P<block>.*?)^```$"
    r"|^<!-- (?P<alone>in \S+|run(?:, exit \d+)?): (?P<words>[^\n]+) -->$",
    re.S | re.M,
)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.S | re.M)
#: The end of the pages' exceptions; they must be in force whenever a page is walked through.
_SOON, _FAR = "2027-03-31", f"{datetime.now(UTC).year + 5}-12-31"


class Step(NamedTuple):
    """Something that a page tells to do, or shows."""

    mark: str
    text: str


def steps(page: Path) -> list[Step]:
    """What a page tells to do, in order."""
    found = _STEP.finditer(page.read_text(encoding="utf-8"))
    return [Step(one["mark"] or one["alone"], one["block"] or one["words"]) for one in found]


def commands_without_mark(page: Path) -> list[str]:
    """Blocks of commands that no walk runs."""
    run = {step.text for step in steps(page) if step.mark.startswith("run")}
    return [text for text in _SHELL.findall(page.read_text(encoding="utf-8")) if text not in run]


def prepare(folder: Path) -> None:
    """Make a folder look like a clone: rules, the recording, a configuration, and the command."""
    for name in ("sigma_rules", "demo"):
        (folder / name).symlink_to(ROOT / name)
    command = folder / "bin" / "tapewatch"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline.cli "$@"\n')
    command.chmod(0o755)
    config = yaml.safe_load((ROOT / "pipeline.yaml").read_text(encoding="utf-8"))
    # As it is, but in seconds, and on a port that is free.
    config["observability"]["port"] = 0
    for source in config["sources"]:
        source["speed"] = "maximum"
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def walk(page: Path, folder: Path) -> None:
    """Do all that a page tells to do, in a folder that was prepared; hold it to what it shows."""
    variables = environment(PYTHONPATH=str(ROOT))
    variables["PATH"] = f"{folder / 'bin'}:{variables['PATH']}"
    said = ""
    for step in steps(page):
        match step.mark.replace(":", "").replace(",", "").split():
            case ["file", name]:
                _write(folder / name, step.text)
            case ["in", name]:
                _change(folder / name, *step.text.split(" -> "))
            case ["configuration"]:
                _configure(folder / "pipeline.yaml", yaml.safe_load(step.text))
            case ["shown"]:
                assert f"\n{step.text}" in said, f"{page.name}:\n{step.text}\nbut it was\n{said}"
            case ["run", *code]:
                said = _run(step.text, folder, variables, int(code[-1]) if code else 0)
            case _:
                raise AssertionError(step)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_far(text), encoding="utf-8")


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert _far(old) in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(_far(old), _far(new.replace(r"\n", "\n"))), encoding="utf-8")


def _far(text: str) -> str:
    return text.replace(_SOON, _FAR)


def _configure(path: Path, part: dict[str, Any]) -> None:
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    for group, settings in part.items():
        whole[group] = whole[group] | settings
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def _run(command: str, folder: Path, variables: dict[str, str], expected: int) -> str:
    """What it wrote, with a line feed before it, and no spaces at the ends of lines."""
    ran = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
    )
    said = "".join(f"\n{line.rstrip()}" for line in ran.stdout.decode().splitlines())
    assert ran.returncode == expected, f"exit {ran.returncode} of: {command}{said}"
    assert "Traceback" not in said, said
    return f"{said}\n"
