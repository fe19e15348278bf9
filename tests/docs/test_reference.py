"""The reference pages are what the code says now."""

import re

import pytest

from docs.generate import PAGES, REFERENCE
from docs.generator.options import options
from docs.generator.rules import ROOT
from normalizer.events.taxonomy import fields, record_classes, struct_type
from pipeline.config.schema import Configuration, StreamLimits


@pytest.mark.parametrize("name", PAGES)
def test_a_committed_page_is_what_the_generator_writes(name: str) -> None:
    committed = (REFERENCE / name).read_text(encoding="utf-8")
    assert committed == PAGES[name](), "run: python -m docs.generate"


def test_no_other_page_lies_in_the_folder() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(PAGES)


def test_every_action_and_every_field_is_in_the_field_reference() -> None:
    page = PAGES["fields.md"]()
    headings = set(re.findall(r"^## (\S+)$", page, re.M))
    assert {str(struct_type(record).tag) for record in record_classes()} <= headings
    named = set(re.findall(r"^\| `([^`]+)` \|", page, re.M))
    assert set(fields()) <= named


def test_every_key_of_the_shipped_configuration_is_in_its_reference() -> None:
    page = PAGES["configuration.md"]()
    named = set(re.findall(r"^\| `([^`]+)` \|", page, re.M))
    shipped = (ROOT / "pipeline.yaml").read_text(encoding="utf-8")
    keys = set(re.findall(r"^[\s#-]*([a-z_]+):(?= |$)", shipped, re.M))
    assert {option.key for option in options(Configuration)} <= keys <= named


def test_a_default_is_shown_in_its_unit() -> None:
    shown = {option.key: option.default for option in options(StreamLimits)}
    assert shown["max_age"] == "`7d`"
    assert shown["max_size"] == "`20GiB`"
    assert shown["replicas"] == "`1`"


def test_every_rule_file_is_in_the_rule_reference() -> None:
    page = PAGES["rules.md"]()
    rules = [p for p in (ROOT / "sigma_rules").rglob("*.yml") if ".test." not in p.name]
    assert rules
    assert [p.name for p in rules if p.relative_to(ROOT).as_posix() not in page] == []
