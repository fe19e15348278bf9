"""The reference pages are what the code says now."""

import re

import pytest

from docs.generate import CATALOGUE, PAGES, REFERENCE
from docs.generator import catalogue, conversion
from docs.generator.options import options
from docs.generator.rule_facts import ROOT
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


def test_the_committed_catalogue_is_what_the_generator_writes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in CATALOGUE.iterdir()}
    assert committed == catalogue.pages(), "run: python -m docs.generate"


def test_every_rule_file_is_in_the_catalogue_and_the_table_of_conversion() -> None:
    pages = catalogue.pages()
    whole = "".join(pages.values())
    rules = [
        path
        for path in (ROOT / "sigma_rules").rglob("*.yml")
        if not path.name.endswith((".test.yml", ".exceptions.yml", ".pipeline.yml"))
    ]
    assert rules
    assert [p.name for p in rules if p.relative_to(ROOT).as_posix() not in whole] == []
    table = PAGES["conversion.md"]()
    titles = re.findall(
        r"^## (.+)$", "".join(t for n, t in pages.items() if n != "README.md"), re.M
    )
    assert [title for title in titles if f"[{title}](" not in table] == []


def test_every_reason_for_a_loss_is_explained() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "detections/conversion").glob("*.py")
    )
    named = set(re.findall(r"losses\.(?:refuse|warn)\(\s*\"([a-z-]+)\"", sources))
    assert named
    assert named == set(conversion.legend())
