"""Every benchmark that needs no server of its own still runs, and says what it measured."""

import subprocess
import sys

import pytest

from tests.cli.command_line import ROOT, RULES, environment

_FEW = str(RULES / "spoofing")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("audit", ("--entries", "2000"), "verify:"),
        ("clusters", ("--transfers", "3000", "--wallets", "500"), "people are one cluster"),
        ("correlations", ("--hits", "300", "--groups", "10"), "value_percentile"),
        ("correlator_costs", ("--events", "600", "--rules", _FEW), "two shares:"),
        ("correlator_memory", ("--events", "600", "--rules", _FEW), "(order books)"),
        ("detections", ("--events", "600", "--rules", _FEW), "all rules"),
        ("market", ("--events", "600", "--rules", _FEW, "--each"), "inside the detector"),
        ("market", ("--memory", "800", "--rules", _FEW), "beyond the start"),
        ("offering_rules", ("--events", "30", "--wallets", "9"), "us for each transfer"),
        ("timeline", ("--events", "40", "--others", "40"), "memory at most"),
    ],
)
def test_it_runs(name: str, options: tuple[str, ...], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert said in ran.stdout
