"""The dashboards: compiled from readable sources, sound, and held to Splunk's own validator.

The validator and the renderer are heavy to install, so CI doesn't: `make splunk-dashboards` runs
them and leaves a record of what it validated; a dashboard that was changed since fails here.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from splunk.build import APP, VIEWS
from splunk.conf_file import app_conf
from splunk.dashboard_source import Dashboard, SourceError, read_dashboards
from splunk.palette import FIGURES, ON_SEVERITIES, SEVERITIES
from splunk.searches import ANY
from splunk.shared_searches import panel_searches
from splunk.spl.commands import Context
from splunk.spl.search import Query
from splunk.studio.validated import digest, validated
from splunk.studio_definition import definition
from tests.splunk.demo_results import TOKENS, demo_context

DASHBOARDS = read_dashboards()


@pytest.fixture(scope="module")
def context() -> Context:
    return demo_context()


def compiled(dashboard: Dashboard) -> dict[str, Any]:
    """As it stands in the app."""
    view = ElementTree.parse(APP / VIEWS / f"{dashboard.id}.xml").getroot()
    assert view.attrib["version"] == "2"
    return msgspec.json.decode(view.findtext("definition") or "")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.id)
def test_every_reference_resolves(dashboard: Dashboard) -> None:
    found = compiled(dashboard)
    sources, panels = found["dataSources"], found["visualizations"]
    for one in [*panels.values(), *found["inputs"].values()]:
        assert set(one.get("dataSources", {}).values()) <= set(sources)
    for source in sources.values():
        assert source["options"].get("extend", "shared_") in {*sources, "shared_"}
    assert [one["item"] for one in found["layout"]["structure"]] == list(panels)
    assert found["layout"]["globalInputs"] == list(found["inputs"])


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.id)
def test_panels_fill_their_rows_and_do_not_overlap(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    structure = compiled(dashboard)["layout"]["structure"]
    for one in structure:
        place = one["position"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"], 120)
            for y in range(place["y"], place["y"] + place["h"], 10)
        }
        assert not cells & taken
        taken |= cells
    height = max(one["position"]["y"] + one["position"]["h"] for one in structure)
    assert len(taken) == 12 * height // 10


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.id)
def test_links_lead_to_dashboards_and_tokens_that_exist(dashboard: Dashboard) -> None:
    inputs = {one.id: {str(getattr(i, "token", i)) for i in one.inputs} for one in DASHBOARDS}
    for panel in dashboard.panels():
        if panel.link is None:
            continue
        assert (panel.link.url is None) != (panel.link.dashboard is None)
        if panel.link.dashboard is not None:
            assert set(panel.link.tokens) <= inputs[panel.link.dashboard]
        # A row has the columns of the table.
        columns = Query(
            next(
                s
                for p, s in zip(dashboard.panels(), searches(dashboard), strict=True)
                if p is panel
            ),
            app_conf("macros"),
        ).columns()
        used = str([panel.link.url, panel.link.tokens]).split("$row.")[1:]
        assert used
        assert {one.partition(".value")[0] for one in used} <= set(columns or ())


def searches(dashboard: Dashboard) -> list[str]:
    return [one.search for one in panel_searches(dashboard)]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.id)
def test_every_panel_has_rows_on_the_demo_data(dashboard: Dashboard, context: Context) -> None:
    macros = app_conf("macros")
    empty = {
        one.place
        for one in panel_searches(dashboard, TOKENS)
        if not Query(one.search, macros).run(context)
    }
    assert empty == set()


def test_an_alert_leads_to_its_events_and_they_lead_back(context: Context) -> None:
    macros = app_conf("macros")

    def ids(search: str) -> list[str]:
        return [str(row["event.id"]) for row in Query(search, macros).run(context)]

    alert = ids("`tapewatch_standing_alerts` | where 'surveillance.typology'=\"spoofing\"")[0]
    events = ids(f"`tapewatch_evidence({alert})`")
    assert len(events) > 2
    back = app_conf("workflow_actions")["tapewatch_alerts_over_event"]["search.search_string"]
    for event in events:
        assert alert in ids(back.replace("$event.id$", event))


def test_a_case_leads_to_its_alerts_and_they_lead_back(context: Context) -> None:
    macros, actions = app_conf("macros"), app_conf("workflow_actions")
    (case, *_) = Query("`tapewatch_cases`", macros).run(context)
    name = str(case["surveillance.case.id"])
    there = actions["tapewatch_alerts_of_case"]["search.search_string"]
    alerts = Query(there.replace("$surveillance.case.id$", name), macros).run(context)
    assert len(alerts) == case["surveillance.case.alert_count"]
    back = actions["tapewatch_case_of_alert"]["search.search_string"]
    for alert in alerts:
        activities = Query(back.replace("$event.id$", str(alert["event.id"])), macros).run(context)
        assert {one["surveillance.case.id"] for one in activities} == {name}
        assert len(activities) == case["event.sequence"]


def test_an_alert_that_was_taken_back_is_left_out(context: Context) -> None:
    macros = app_conf("macros")
    every = {str(row["event.id"]) for row in Query("`tapewatch_alerts`", macros).run(context)}
    standing = Query("`tapewatch_standing_alerts`", macros).run(context)
    assert every - {str(row["event.id"]) for row in standing} == {"taken-back"}


def test_filters_narrow_what_is_shown(context: Context) -> None:
    tape = next(one for one in DASHBOARDS if one.id == "live_tape")

    def count(**tokens: str) -> object:
        transfers = list(panel_searches(tape, {**ANY, **tokens}))[1].search
        return Query(transfers, app_conf("macros")).run(context)[0]["count"]

    assert count() == 88
    assert count(classification="reg-d-506c") == 88
    assert count(classification="reg-s") == 0
    assert 0 < float(str(count(accreditation="qualified"))) < 88


@pytest.mark.parametrize("accreditation", ["accredited", "qualified"])
def test_alerts_are_filtered_by_the_accreditation_of_whom_they_are_about(
    context: Context, accreditation: str
) -> None:
    macros = app_conf("macros")
    every = Query("`tapewatch_alerts`", macros).run(context)
    search = f"""`tapewatch_alerts` | `tapewatch_party("{accreditation}")`"""
    found = {str(row["event.id"]) for row in Query(search, macros).run(context)}
    wanted = {
        str(row["event.id"])
        for row in every
        if accreditation in str(row.get("investor.accreditation{}"))
    }
    assert found == wanted
    assert 0 < len(found) < len(every)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.id)
def test_each_was_held_to_splunks_validator_as_it_is(dashboard: Dashboard) -> None:
    assert validated().get(dashboard.id) == digest(definition(dashboard)), (
        "run `make splunk-dashboards`"
    )


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_texts_can_be_read_on_their_ground_in_light_and_dark() -> None:
    for level, fill in SEVERITIES.items():
        assert contrast(fill, ON_SEVERITIES[level]) >= 4.5, level
    for level, figure in FIGURES.items():
        assert min(contrast(figure, "#FFFFFF"), contrast(figure, "#000000")) >= 3, level


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("id: a\ntitle: A\n", "missing required field `description`"),
        ("id: [", "while parsing"),
        (
            "{id: a, title: A, description: A, searches: {}, rows: [{height: 100, panels: []}]}",
            "row 1 is 0 wide, not 12",
        ),
        (
            "{id: a, title: A, description: A, searches: {}, rows: [{height: 100, panels: "
            "[{title: P, show: number, search: '| stats count', width: 12, after: b}]}]}",
            "P: there is no search 'b'",
        ),
        (
            "{id: a, title: A, description: A, searches: {}, rows: [{height: 100, panels: "
            "[{title: P, show: gauge, search: x, width: 12}]}]}",
            "Invalid enum value 'gauge'",
        ),
    ],
)
def test_a_wrong_source_is_told_with_its_file(tmp_path: Path, source: str, what: str) -> None:
    (tmp_path / "one.yaml").write_text(source)
    with pytest.raises(SourceError) as refused:
        read_dashboards(tmp_path)
    assert "one.yaml" in str(refused.value)
    assert what in str(refused.value)
