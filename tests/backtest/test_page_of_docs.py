"""Every command that docs/backtest.md tells a reader to run works there as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from detections.backtest.label_files import read_labels
from tests.backtest.recorded import ROOT
from tests.cli.command_line import environment
from tests.docs.marked import DOCS, files

_PAGE = DOCS / "backtest.md"
_BLOCK = re.compile(r"<!-- (run|shown) -->\n```[a-z]*\n(.*?)^```$", re.S | re.M)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, with a `tapewatch` on its path."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("sigma_rules", "demo"):
        (folder / name).symlink_to(ROOT / name)
    command = folder / "bin" / "tapewatch"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipeline.cli "$@"\n')
    command.chmod(0o755)
    return folder


def test_the_commands_work_and_show_what_the_page_shows(clone: Path) -> None:
    blocks = _BLOCK.findall(_PAGE.read_text())
    assert [kind for kind, _ in blocks].count("run") >= 6
    variables = environment(PYTHONPATH=str(ROOT))
    variables["PATH"] = f"{clone / 'bin'}:{variables['PATH']}"
    output = ""
    for kind, text in blocks:
        if kind == "run":
            ran = subprocess.run(
                ["sh", "-ec", text], cwd=clone, env=variables, capture_output=True, timeout=120
            )
            assert ran.returncode == 0, (text, ran.stdout.decode(), ran.stderr.decode())
            output = "\n".join(line.rstrip() for line in ran.stdout.decode().splitlines())
        else:
            assert text.rstrip("\n") in output
    assert (clone / "var" / "spoofing.html").is_file()


def test_the_labels_of_the_page_can_be_read() -> None:
    labels = read_labels(files(_PAGE)["labels.yml"].encode(), "labels.yml")

    assert [one.right for one in labels] == [True, False]
