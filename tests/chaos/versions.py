"""When rounds were played, and of what."""

import platform
import re
import subprocess
from datetime import UTC, datetime

from tests.end_to_end.pipeline_run import ROOT
from tests.servers.nats import nats_server_binary


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).date().isoformat()


def versions() -> dict[str, str]:
    """Of what took part everywhere: Tapewatch's commit, Python, nats-server."""
    said = subprocess.run([nats_server_binary(), "--version"], capture_output=True, text=True)
    server = re.search(r"v(\d\S+)", said.stdout)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT
    )
    return {
        "tapewatch": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "nats-server": server[1] if server else "unknown",
    }


__all__ = ["today", "versions"]
