"""The arrows between our packages point one way; pyproject.toml says which."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_SHIPPED_OR_FREE = {"tests", "demo", "docs", "benchmarks", "splunk"}


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [sys.executable, str(command), "--no-cache", "--config", str(folder / "pyproject.toml")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_no_package_imports_what_it_may_not_know() -> None:
    answer = lint_imports(ROOT)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    kept = re.search(r"(\d+) kept, (\d+) broken", answer.stdout)
    assert kept is not None, answer.stdout
    assert (int(kept[1]) >= 6, kept[2]) == (True, "0")


def test_every_package_that_we_ship_is_under_a_contract() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_SHIPPED_OR_FREE

    assert packages <= set(options["root_packages"])
    held = {name.partition(".")[0] for c in options["contracts"] for name in c["source_modules"]}
    assert packages <= held


def test_an_arrow_the_wrong_way_would_be_noticed(tmp_path: Path) -> None:
    contract = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(contract)
    for package in ("collectors", "normalizer", "detections", "delivery", "evidence", "pipeline"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    for module in ("decoders", "enrichment", "stage"):
        (tmp_path / "normalizer" / f"{module}.py").write_text("")
    assert lint_imports(tmp_path).returncode == 0

    (tmp_path / "pipeline" / "bus.py").write_text("import delivery\n")

    answer = lint_imports(tmp_path)
    assert answer.returncode == 1
    assert "pipeline.bus -> delivery" in answer.stdout
