"""What the pages name, metrics and keys of the configuration, is there."""

import re
from pathlib import Path

import pytest
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from delivery.elastic_setup.roles import ROLES
from docs.generate import PAGES as REFERENCE
from pipeline import metrics
from tests.docs.marked import DOCS, PAGES

_METRIC = re.compile(r"\btapewatch_[a-z_]+")
_KEY = re.compile(r"`(?:bus|detections|observability)\.([a-z_]+)(?:\.([a-z_]+))?`")
_MACRO = re.compile(r"^\[(tapewatch_\w+)", re.M)


def _others() -> set[str]:
    """Elasticsearch's roles, and macros of the Splunk app."""
    macros = DOCS.parent / "splunk" / "tapewatch" / "default" / "macros.conf"
    roles = {f"tapewatch_{role}" for role in ROLES}
    return roles | set(_MACRO.findall(macros.read_text(encoding="utf-8")))


def _metrics() -> set[str]:
    found: set[str] = set()
    for name, one in vars(metrics).items():
        if name.isupper() and isinstance(one, MetricWrapperBase):
            described = next(iter(one.describe()))
            suffixes = ("_bucket", "_sum", "_count") if isinstance(one, Histogram) else ("",)
            total = "_total" if described.type == "counter" else ""
            found |= {f"{described.name}{total}{suffix}" for suffix in (*suffixes, "")}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_metrics_exist(page: Path) -> None:
    named = set(_METRIC.findall(page.read_text(encoding="utf-8"))) - _others()
    assert named - _metrics() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_of_the_configuration_exist(page: Path) -> None:
    keys = set(re.findall(r"^\| `([^`]+)` \|", REFERENCE["configuration.md"](), re.M))
    found = _KEY.findall(page.read_text(encoding="utf-8"))
    assert {key for pair in found for key in pair if key} - keys == set()
