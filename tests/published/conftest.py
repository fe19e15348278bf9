"""The scripts of docs/published-data.md, run as a reader runs them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.marked import DOCS, files

SCRIPTS = files(DOCS / "published-data.md")
Script = Callable[..., bytes]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs a script of the page in the reader's folder; what it printed."""

    def run(name: str, *arguments: str) -> bytes:
        (tmp_path / name).write_text(SCRIPTS[name])
        command = [sys.executable, name, *arguments]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
        assert ran.returncode == 0, ran.stderr.decode()
        sys.stderr.write(ran.stderr.decode())
        return ran.stdout

    return run
