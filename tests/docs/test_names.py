"""What the pages name, metrics and keys of the configuration, is there."""

import re
from pathlib import Path

import pytest
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from docs.generate import PAGES as REFERENCE
from pipeline import metrics
from tests.docs.marked import PAGES

_METRIC = re.compile(r"\btapewatch_[a-z_]+")
_KEY = re.compile(r"`(?:bus|detections|observability)\.([a-z_]+)(?:\.([a-z_]+))?`")
#: A macro of the Splunk app.
_OTHER = {"tapewatch_index"}


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
    named = set(_METRIC.findall(page.read_text(encoding="utf-8"))) - _OTHER
    assert named - _metrics() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_of_the_configuration_exist(page: Path) -> None:
    keys = set(re.findall(r"^\| `([^`]+)` \|", REFERENCE["configuration.md"](), re.M))
    found = _KEY.findall(page.read_text(encoding="utf-8"))
    assert {key for pair in found for key in pair if key} - keys == set()
