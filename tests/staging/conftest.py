"""What a file sink has of a rule on trial and a live one."""

from pathlib import Path

import pytest

from tests.backtest.samples import CORRELATION, RULE, transfer, write
from tests.cli.command_line import tapewatch

STAGED = RULE.replace("level: medium\n", "level: medium\nstaged: true  # until May\n")
#: What is said on standard error of rules that nobody named.
RULES_TAKEN = "rules: sigma_rules (there is no pipeline.yaml here)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A staged rule and a live one, ten days of events, and what a file sink has of both."""
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "large.yml").write_text(STAGED)
    (tmp_path / "sigma_rules" / "often.yml").write_text(CORRELATION)
    for content in ("alerts", "events"):
        (tmp_path / "out" / content).mkdir(parents=True)
    lines = [
        transfer(
            n,
            200 if n % 4 == 0 else 5,
            hours=6 * n,
            **{"investor.source.id": f"INV-{n % 5}", "destination.address": f"0x{n % 7:040x}"},
        )
        for n in range(41)
    ]
    write(tmp_path / "out" / "events" / "20260101T000000Z-00000001.ndjson", *lines[:20])
    write(tmp_path / "out" / "events" / "20260106T000000Z-00000002.ndjson", *lines[20:])
    write(tmp_path / "events.ndjson", *lines)
    detect = tapewatch(
        "detect", "--rules", "sigma_rules", "--events", "events.ndjson", folder=tmp_path
    )
    assert detect.code == 0, detect
    (tmp_path / "out" / "alerts" / "20260101T000000Z-00000001.ndjson").write_text(detect.out)
    return tmp_path
