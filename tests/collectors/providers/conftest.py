"""Doubles of KYC and risk providers, and where secrets and pseudonyms are."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.reference import http_api
from pipeline.pseudonyms import Pseudonyms
from pipeline.secrets import Secret
from tests.servers.providers.chainalysis import ChainalysisDouble
from tests.servers.providers.civic import CivicDouble
from tests.servers.providers.fractal import FractalDouble
from tests.servers.providers.jumio import JumioDouble
from tests.servers.providers.trm import TrmDouble


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Backoff as it is, but shorter."""
    monkeypatch.setattr(http_api, "LONGEST_WAIT", 0.02)


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], Secret]:
    made = iter(range(100))

    def make(value: str) -> Secret:
        path = tmp_path / f"secret-{next(made)}"
        path.write_text(value)
        path.chmod(0o600)
        return Secret(f"${{file:{path}}}")

    return make


@pytest.fixture
def book(tmp_path: Path) -> Pseudonyms:
    return Pseudonyms(tmp_path / "privacy" / "people.json")


@pytest.fixture
def fractal() -> Iterator[FractalDouble]:
    with FractalDouble() as double:
        yield double


@pytest.fixture
def jumio() -> Iterator[JumioDouble]:
    with JumioDouble() as double:
        yield double


@pytest.fixture
def civic() -> Iterator[CivicDouble]:
    with CivicDouble() as double:
        yield double


@pytest.fixture
def chainalysis() -> Iterator[ChainalysisDouble]:
    with ChainalysisDouble() as double:
        yield double


@pytest.fixture
def trm() -> Iterator[TrmDouble]:
    with TrmDouble() as double:
        yield double
