"""Which tests a worker gets next, and what is written down of how long they take."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.handing_out import next_file
from tests.fixtures.pace import PaceRecorder, read_pace

SECONDS = {"tests/cli/b.py": 9.0, "tests/cli/c.py": 30.0, "tests/normalizer/d.py": 20.0}
WAITING = ["tests/cli/a.py", *SECONDS, "tests/normalizer/e.py"]


def test_each_kind_is_handed_out_longest_first_and_then_the_other() -> None:
    for of_many_processes, wanted in ((True, "cbade"), (False, "decba")):
        waiting, order = list(WAITING), ""
        while waiting:
            file = next_file(waiting, SECONDS, of_many_processes=of_many_processes)
            waiting.remove(file)
            order += Path(file).stem
        assert order == wanted


def test_what_takes_long_is_written_down_by_file(tmp_path: Path) -> None:
    recorder = PaceRecorder(tmp_path / "pace.txt")
    for nodeid, seconds in (
        ("tests/a.py::one", 1.5),
        ("tests/a.py::two[x::y z]", 2.0),
        ("tests/with space.py::three", 60.2),
        ("tests/b.py::four", 0.1),
    ):
        recorder.add(nodeid, seconds)
    recorder.write()

    assert read_pace(tmp_path / "pace.txt") == {"tests/with space.py": 61.0, "tests/a.py": 4.0}


def test_of_files_that_were_not_run_it_is_known_as_before_as_long_as_they_are_there(
    tmp_path: Path,
) -> None:
    here, other, gone = (
        f"tests/{name}.py" for name in ("test_handing_out", "test_import_contract", "test_gone")
    )
    pace = tmp_path / "pace.txt"
    for seconds in ({here: 9.0, other: 5.0, gone: 7.0}, {here: 0.5}):
        recorder = PaceRecorder(pace)
        for file, took in seconds.items():
            recorder.add(f"{file}::one", took)
        recorder.write()
    assert read_pace(pace) == {other: 5.0}


#: Waits, before a worker gets more, for the end of the test that brings it down.
_SENT_TO_THE_DEAD = """
from xdist.workermanage import WorkerController

send, doomed = WorkerController.send_runtest_some, set()

def send_to_the_dead(self, indices):
    if self in doomed:
        self.gateway._io.popen.wait()
    doomed.update({self} if CRASH in indices else ())
    send(self, indices)

CRASH = 9
WorkerController.send_runtest_some = send_to_the_dead
"""

#: Waits, before it brings its worker down, until the other one gets nothing more.
_OTHER_IS_DONE = """
import time
from pathlib import Path
from xdist.workermanage import WorkerController

shutdown, done = WorkerController.shutdown, Path(__file__).with_name("done")

def note_shutdown(self):
    shutdown(self)
    done.touch()

WorkerController.shutdown = note_shutdown

def pytest_runtest_call(item):
    until = time.monotonic() + 60
    while item.name == "test_crash" and not done.exists() and time.monotonic() < until:
        time.sleep(0.01)
"""


@pytest.mark.parametrize(
    "conftest",
    ["", _SENT_TO_THE_DEAD, _OTHER_IS_DONE],
    ids=["at any time", "sent to it", "the other is done"],
)
def test_a_test_that_brings_its_worker_down_fails_once_and_all_others_are_run(
    tmp_path: Path, conftest: str
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(conftest)
    for number in range(8):
        crash = "import os\ndef test_crash(): os._exit(1)\n" if number == 4 else ""
        (tmp_path / f"test_{number}.py").write_text(
            f"def test_a(): pass\n{crash}def test_b(): pass\n"
        )

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2"),
            *("-p", "no:asyncio", "-p", "tests.fixtures.handing_out"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert re.search(r"1 failed, 16 passed", run.stdout), run.stdout
    assert run.stdout.count("node down") == 1
