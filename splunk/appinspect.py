"""Splunk's AppInspect over the packed app: `python -m splunk.appinspect`.

AppInspect pins versions of packages that Tapewatch needs newer ones of, so it has an environment of
its own under `var`, made from `appinspect.lock`. Its exit code is 0 even with failures: what counts
is its report.
"""

import hashlib
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from splunk.package import packed

_FOLDER = Path(__file__).resolve().parent
LOCK = _FOLDER / "appinspect.lock"
ENVIRONMENT = _FOLDER.parent / "var" / "appinspect"
#: What is neither a pass nor out of place here.
_FINDINGS = frozenset(("error", "failure", "future_failure", "warning", "manual_check", "skipped"))
#: Checks whose finding is expected, and why it is no fault of the app.
EXPLAINED: Mapping[str, str] = {
    "check_for_python_script_existence": (
        "It says of any Python script that it must be ready for Python 3; ours is Python 3 only, "
        "of its standard library, and alert_actions.conf asks for Python 3."
    ),
}


class Message(Struct, frozen=True):
    result: str
    message: str


class Check(Struct, frozen=True):
    name: str
    result: str
    messages: list[Message] = []


class _Group(Struct):
    checks: list[Check] = []


class _Report(Struct):
    groups: list[_Group] = []


class Inspected(Struct):
    """AppInspect's report, as far as it is looked at."""

    summary: dict[str, int]
    reports: list[_Report] = []

    def findings(self) -> list[Check]:
        """Checks that neither passed nor were out of place."""
        checks = [one for report in self.reports for group in report.groups for one in group.checks]
        return [one for one in checks if one.result in _FINDINGS]

    def unexplained(self) -> list[str]:
        """Findings but for warnings that are explained; empty: the app is as it should be."""
        return [
            f"{one.result} of {one.name}: {'; '.join(message.message for message in one.messages)}"
            for one in self.findings()
            if not (one.result == "warning" and one.name in EXPLAINED)
        ]


class InspectError(Exception):
    """AppInspect could not be installed or run."""


def inspect() -> Inspected:
    """Pack the app and have it inspected. Raises InspectError."""
    with tempfile.TemporaryDirectory() as folder:
        archive, report = Path(folder) / "tapewatch.tar.gz", Path(folder) / "report.json"
        archive.write_bytes(packed())
        _run(
            [
                str(environment() / "bin" / "splunk-appinspect"),
                *("inspect", str(archive), "--data-format", "json", "--output-file", str(report)),
            ]
        )
        return msgspec.json.decode(report.read_bytes(), type=Inspected)


def environment() -> Path:
    """The environment with AppInspect in it, installed if it isn't there. Raises InspectError."""
    marker = ENVIRONMENT / "lock.sha256"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not marker.is_file() or marker.read_text() != wanted:
        venv.create(ENVIRONMENT, clear=True, symlinks=True, with_pip=False)
        _run(
            [
                *(sys.executable, "-m", "pip", "--python", str(ENVIRONMENT / "bin" / "python")),
                *("install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"),
                *("--require-hashes", "-r", str(LOCK)),
            ]
        )
        marker.write_text(wanted)
    return ENVIRONMENT


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 ours
    if done.returncode != 0:
        raise InspectError(f"{command[0]} failed: {(done.stderr or done.stdout)[-2000:]}")


def main() -> int:
    try:
        found = inspect()
    except InspectError as error:
        print(error)
        return 2
    print(", ".join(f"{number} {name}" for name, number in found.summary.items()))
    for one in found.findings():
        print(f"{one.result}: {one.name}. {EXPLAINED.get(one.name, 'Not explained.')}")
    return 1 if found.unexplained() else 0


if __name__ == "__main__":
    sys.exit(main())
