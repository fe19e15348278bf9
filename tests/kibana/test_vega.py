"""Vega: every search returns rows on the demo's documents, and Vega draws them without warnings."""

from typing import Any

from tests.fixtures.required import give_up
from tests.kibana.compiled import types, vega_specs
from tests.kibana.demo_documents import DemoIndex
from tests.kibana.vega_in_kibana import draw, node, with_data

SPECS = {id_.removeprefix("tapewatch-vega-"): spec for id_, spec in vega_specs().items()}


def _fields(value: Any) -> set[str]:
    """Fields that aggregations and terms name."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "field" and isinstance(inner, str):
                found.add(inner)
            elif key in ("term", "terms", "range") and "field" not in inner:
                found |= set(inner)
            else:
                found |= _fields(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _fields(inner)
    return found


def test_every_field_of_a_specification_is_mapped_or_computed() -> None:
    known = types()["tapewatch-events"]
    for name, spec in SPECS.items():
        for one in spec["data"]:
            if "url" in one:
                body = one["url"]["body"]
                wanted = _fields(body) - body.get("runtime_mappings", {}).keys()
                assert [field for field in wanted if field not in known] == [], name


def test_vega_draws_the_demo_without_a_warning(demo: DemoIndex) -> None:
    if node() is None:
        give_up("Vega", "no Node.js with vega: run `make setup` with Node.js")
    filled = {name: with_data(spec, demo) for name, spec in SPECS.items()}
    for name, (_, rows) in filled.items():
        assert all(rows.values()), (name, rows)
    drawn = dict(zip(filled, draw([spec for spec, _ in filled.values()], 800, 600), strict=True))
    for name, one in drawn.items():
        assert one.warnings == [], name
        assert "NaN" not in one.svg, name

    network = drawn["wash-trade-network"]
    named = {node["key"] for node in network.data["nodes"] if node["alerts"]}
    others = {node["key"] for node in network.data["nodes"]} - named
    assert named
    assert others
    assert len(network.data["pairs"]) > 20
    # A circle of its own colour and a ring for whoever an alert names.
    assert network.svg.count('fill="#E69F00"') >= len(named)
    assert network.svg.count('stroke="#D55E00"') == len(named)

    (holders,) = drawn["holders"].data["holders"]
    assert holders["key"] == "ACME"
    assert holders["holders"] > 3
