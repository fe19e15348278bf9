"""`tapewatch` as a process, held to what every command promises: words, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
RECORDED = ROOT / "demo" / "recorded"
RULES = ROOT / "sigma_rules"
COMMAND = (sys.executable, "-m", "pipeline.cli")


class Answer:
    """What a command said, and its exit code."""

    def __init__(self, finished: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = finished.returncode
        self.out = finished.stdout.decode()
        self.error = finished.stderr.decode()
        for said in (self.out, self.error):
            assert "Traceback" not in said, said

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.error}"


def environment(**more: str) -> dict[str, str]:
    """Ours, without what would change what a command says."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TAPEWATCH", "FORCE_COLOR"))}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"} | more


def tapewatch(
    *arguments: str | Path,
    folder: Path,
    stdin: bytes | None = None,
    timeout: float = 180,
    **variables: str,
) -> Answer:
    """Run a command in a folder to its end."""
    return Answer(
        subprocess.run(
            [*COMMAND, *(str(argument) for argument in arguments)],
            cwd=folder,
            input=b"" if stdin is None else stdin,
            capture_output=True,
            timeout=timeout,
            env=environment(**variables),
        )
    )


def configuration(**changes: Any) -> dict[str, Any]:
    """A good one, of the recorded session, as what a YAML file holds."""
    return {
        "bus": {"type": "embedded", "path": "nats"},
        "reference": [str(RECORDED / "reference.yaml")],
        "sources": [
            {"name": "recording", "type": "replay", "path": str(RECORDED / "session.jsonl.gz")}
        ],
        "detections": {"rules": [str(RULES)]},
        "sinks": [{"name": "files", "type": "file", "path": "out"}],
        "observability": {"port": 0},
    } | changes


def write_configuration(folder: Path, **changes: Any) -> Path:
    """A configuration file."""
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(configuration(**changes)))
    return path
