"""What is shown at the end of a run of a test that passed the second time."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = """
from pathlib import Path

def test_slow(tmp_path_factory):
    mark = Path(__file__).with_name("ran")
    print("waited 3 s")
    ran, _ = mark.exists(), mark.touch()
    assert ran, "the server was not there"

def test_good():
    print("of no interest")
"""


def test_the_first_answer_of_a_test_that_is_run_once_more_is_shown(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--reruns", "1", "-p", "no:cacheprovider"),
            *("-p", "tests.fixtures.first_answers", "--rootdir", str(tmp_path), str(tmp_path)),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    assert "run once more: test_some.py::test_slow" in run.stdout
    assert "AssertionError: the server was not there" in run.stdout
    assert "waited 3 s" in run.stdout
    assert "of no interest" not in run.stdout
