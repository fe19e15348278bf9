"""The saved objects resolve, parse, and are about fields of our mappings, of fitting types."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from delivery.build import elasticsearch_fields
from delivery.kibana.dimensions import DimensionError, bucket, measure
from delivery.kibana.reading import read_source
from delivery.kibana.saved_objects import ndjson, revision
from delivery.templates import StreamNames
from pipeline.problems import ProblemsFound
from tests.kibana.compiled import (
    FOLDER,
    lens_panels,
    objects,
    of_type,
    parsed,
    source,
    types,
)
from tests.kibana.kql import fields_of

LENS = dict(lens_panels())
DASHBOARDS = {one["id"]: one for one in of_type("dashboard")}
NUMBERS = {"long", "double", "float"}
DATES = {"date", "date_nanos"}
#: What can be counted by its values.
GROUPABLE = {"keyword", "boolean", "ip", *NUMBERS}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return parsed(dashboard["attributes"]["panelsJSON"])


def test_the_committed_file_is_what_the_source_makes() -> None:
    made = (FOLDER / "compiled" / "saved_objects.ndjson").read_bytes()
    assert made == ndjson(list(objects())), "run: tapewatch setup kibana --write kibana/compiled"


def test_what_the_issue_asks_for_is_there() -> None:
    assert {id_.removeprefix("tapewatch-") for id_ in DASHBOARDS} == {
        "overview",
        "live-tape",
        "order-book-abuse",
        "transfer-compliance",
        "investor",
        "asset",
        "wash-trade-network",
        "feed-health",
    }
    for one in DASHBOARDS.values():
        assert one["attributes"]["timeRestore"] is True
        controls = parsed(one["attributes"]["controlGroupInput"]["panelsJSON"])
        assert controls, one["id"]


@pytest.mark.parametrize(
    "name",
    ["overview", "live-tape", "order-book-abuse", "transfer-compliance", "wash-trade-network"],
)
def test_it_is_filtered_by_date_token_class_and_accreditation(name: str) -> None:
    group = DASHBOARDS[f"tapewatch-{name}"]["attributes"]["controlGroupInput"]
    controls = parsed(group["panelsJSON"]).values()
    chosen = {one["explicitInput"].get("fieldName") for one in controls}
    assert {"token.classification", "tapewatch.accreditation"} <= chosen


def test_the_network_filters_by_accreditation_as_the_data_views_do() -> None:
    """Vega asks Elasticsearch itself, without the data view's computed fields."""
    view = next(one for one in source().data_views if one.id == "tapewatch-all")
    script = " ".join(view.runtime["tapewatch.accreditation"].script.split())
    for one in parsed(source().vega["wash-trade-network"])["data"]:
        if "url" in one:
            mapped = one["url"]["body"]["runtime_mappings"]["tapewatch.accreditation"]
            assert mapped == {"type": "keyword", "script": {"source": script}}


def test_ids_are_unique_and_every_reference_resolves() -> None:
    keys = Counter((one["type"], one["id"]) for one in objects())
    assert keys.most_common(1)[0][1] == 1
    for one in objects():
        names = Counter(reference["name"] for reference in one["references"])
        assert not names or names.most_common(1)[0][1] == 1, one["id"]
        for reference in one["references"]:
            assert (reference["type"], reference["id"]) in keys, (one["id"], reference)


def test_every_name_of_a_reference_is_used_and_every_use_has_one() -> None:
    for one in DASHBOARDS.values():
        used = {f"tag-ref-{reference['id']}" for reference in one["references"][:1]}
        for panel in panels(one):
            index = panel["panelIndex"]
            assert panel["gridData"]["i"] == index
            if "panelRefName" in panel:
                used.add(f"{index}:{panel['panelRefName']}")
            inner = panel["embeddableConfig"]
            if "attributes" in inner:
                layers = inner["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]
                used |= {f"{index}:indexpattern-datasource-layer-{layer}" for layer in layers}
            for event in inner["enhancements"].get("dynamicActions", {}).get("events", []):
                factory = event["action"]["factoryId"]
                used.add(f"{index}:drilldown:{factory}:{event['eventId']}:dashboardId")
        for name, control in parsed(one["attributes"]["controlGroupInput"]["panelsJSON"]).items():
            if control["type"] == "optionsListControl":
                used.add(f"controlGroup_{name}:optionsListDataView")
        assert {reference["name"] for reference in one["references"]} == used, one["id"]


def test_panels_lie_beside_each_other_within_the_grid() -> None:
    for one in DASHBOARDS.values():
        taken: set[tuple[int, int]] = set()
        for panel in panels(one):
            grid = panel["gridData"]
            assert grid["x"] + grid["w"] <= 48, (one["id"], panel.get("title"))
            cells = {
                (x, y)
                for x in range(grid["x"], grid["x"] + grid["w"])
                for y in range(grid["y"], grid["y"] + grid["h"])
            }
            assert not cells & taken, (one["id"], panel.get("title"))
            taken |= cells


def test_the_data_views_match_the_data_streams() -> None:
    titles = {one["attributes"]["title"] for one in of_type("index-pattern")}
    names = StreamNames(namespace="*")
    streams = {names.stream(data) for data in ("events", "alerts", "cases")}
    assert titles == streams | {"logs-tapewatch.*-*"}


@pytest.mark.parametrize("name", LENS)
def test_every_field_of_a_chart_is_mapped_with_a_fitting_type(name: str) -> None:
    attributes = LENS[name]
    (reference,) = attributes["references"]
    known = types()[reference["id"]]
    state = attributes["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    asked = fields_of(state["query"]["query"])
    for column in layer["columns"].values():
        kind = column["operationType"]
        asked += fields_of(column.get("filter", {}).get("query", ""))
        if kind == "filters":
            for one in column["params"]["filters"]:
                asked += fields_of(one["input"]["query"])
            continue
        if kind == "count":
            assert column["sourceField"] == "___records___"
            continue
        field = column["sourceField"]
        # A map of numbers: its fields come with the rules.
        type_ = known.get(field) or ("double" if field.startswith("surveillance.metrics.") else "")
        assert type_, f"{name}: {field} isn't mapped"
        fitting = {
            "terms": GROUPABLE,
            "date_histogram": DATES,
            "unique_count": GROUPABLE,
            "last_value": GROUPABLE | DATES,
            "min": NUMBERS | DATES,
            "max": NUMBERS | DATES,
        }.get(kind, NUMBERS)
        assert type_ in fitting, f"{name}: {kind} of {field}, which is {type_}"
        if kind in ("min", "max", "last_value", "terms"):
            shown = {"date": DATES, "number": NUMBERS}.get(column["dataType"], {"keyword"})
            assert type_ in shown, f"{name}: {field} is shown as {column['dataType']}"
    assert [one for one in asked if one not in known] == [], name


@pytest.mark.parametrize("search", of_type("search"), ids=lambda one: one["id"])
def test_every_field_of_a_search_is_mapped(search: dict[str, Any]) -> None:
    inner = parsed(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    references = {one["name"]: one for one in search["references"]}
    known = types()[references[inner["indexRefName"]]["id"]]
    assert inner["query"]["language"] == "kuery"
    asked = [*search["attributes"]["columns"], *fields_of(inner["query"]["query"])]
    assert [one for one in asked if one not in known] == []


def test_every_field_of_controls_and_data_views_is_mapped() -> None:
    for one in DASHBOARDS.values():
        group = one["attributes"]["controlGroupInput"]
        by_name = {reference["name"]: reference["id"] for reference in one["references"]}
        for name, control in parsed(group["panelsJSON"]).items():
            if control["type"] == "optionsListControl":
                view = by_name[f"controlGroup_{name}:optionsListDataView"]
                assert types()[view][control["explicitInput"]["fieldName"]] in GROUPABLE
    for view in of_type("index-pattern"):
        attributes = view["attributes"]
        known = types()[view["id"]]
        for part in ("fieldAttrs", "fieldFormatMap", "runtimeFieldMap"):
            assert [name for name in parsed(attributes[part]) if name not in known] == []


def test_links_lead_to_explorers_the_cap_table_the_evidence_and_back() -> None:
    formats = {
        view["id"]: {
            name: one["params"]["urlTemplate"]
            for name, one in parsed(view["attributes"]["fieldFormatMap"]).items()
        }
        for view in of_type("index-pattern")
    }
    alerts, events = formats["tapewatch-alerts"], formats["tapewatch-events"]
    assert alerts["tapewatch.explorer.transaction"] == ""  # the value is the URL
    assert "tapewatch-events" in alerts["surveillance.evidence.event_ids"]
    assert "tapewatch-alerts" in events["event.id"]
    assert "event.original" in events["event.original"]
    assert "/view/tapewatch-investor" in events["investor.id"]
    assert all("{{value}}" in one for one in alerts.values() if one)


def test_each_object_tells_its_revision_and_another_source_another() -> None:
    for one in objects():
        told = revision(one["attributes"])
        assert (told is None) == (one["type"] == "index-pattern"), one["id"]


def copied(target: Path) -> Path:
    for path in FOLDER.rglob("*"):
        if path.suffix in (".yaml", ".json") and "compiled" not in path.parts:
            made = target / path.relative_to(FOLDER)
            made.parent.mkdir(exist_ok=True)
            made.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return target


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_wrong_in_a_source_is_said_at_once(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    spoil(folder / "dashboards" / "feed-health.yaml", "show: metric", "show: metrik")
    spoil(folder / "data_views.yaml", "event.id: alert", "event.id: alerts")
    with pytest.raises(ProblemsFound) as raised:
        read_source(folder, elasticsearch_fields())
    said = str(raised.value)
    assert "feed-health.yaml:10:11" in said
    assert "did you mean metric" in said.replace('"', "").replace("'", "")
    assert "data_views.yaml" in said


def test_what_a_panel_refers_to_must_be_there(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    overview = folder / "dashboards" / "overview.yaml"
    spoil(overview, "unique of surveillance.entities", "unique of surveillance.entitys")
    spoil(overview, "opens: [tapewatch-asset]", "opens: [tapewatch-assets]")
    spoil(overview, "search: tapewatch-search-cases", "search: tapewatch-search-case")
    spoil(overview, "over: time", "over: times")
    spoil(overview, "at: 40 0 8 6", "at: 44 0 8 6")
    (folder / "vega" / "holders.json").unlink()
    (folder / "vega" / "other.json").write_text("{", encoding="utf-8")
    with pytest.raises(ProblemsFound) as raised:
        read_source(folder, elasticsearch_fields())
    found = {one.code: (one.message, one.hint) for one in raised.value.problems}
    assert found["kibana/field"] == (
        "no document has the field surveillance.entitys",
        "surveillance.entities",
    )
    assert "expected time, or top N of FIELD" in found["kibana/panel"][0]
    assert {"kibana/reference", "kibana/place", "kibana/vega"} <= set(found)
    assert all(one.location.line > 1 or one.code == "kibana/vega" for one in raised.value.problems)


def test_a_sentence_that_is_none_is_refused_with_what_was_expected() -> None:
    assert measure("x", "percentile 95 of tapewatch.delay").percentile == 95
    with pytest.raises(DimensionError, match="expected count"):
        measure("x", "total of token.amount")
    with pytest.raises(DimensionError, match="top N of FIELD"):
        bucket("x", "token.symbol")


def test_all_views_have_a_source() -> None:
    assert {view.id for view in source().data_views} == {
        one["id"] for one in of_type("index-pattern")
    }
