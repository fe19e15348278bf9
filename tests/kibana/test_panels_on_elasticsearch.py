"""Every query and aggregation of every panel, run on the demo's documents: all return rows."""

from typing import Any

import pytest

from delivery.kibana.data_views import runtime_mappings
from delivery.kibana.links import Links
from tests.kibana.compiled import lens_panels, of_type, parsed, source
from tests.kibana.demo_documents import DemoIndex
from tests.kibana.kql import to_query
from tests.kibana.lens_queries import lens_search, rows

LENS = dict(lens_panels())
#: Of the demo's documents: marked by the update that the sink delivered behind them.
RETRACTED = 1
VIEWS = {view.id: view for view in source().data_views}


def _runtime(view: str) -> dict[str, Any]:
    return runtime_mappings(VIEWS[view], Links())


def _title(view: str) -> str:
    return VIEWS[view].pattern.replace("NAMESPACE", "*")


def test_every_lens_panel_returns_rows(demo: DemoIndex) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    for attributes in LENS.values():
        (reference,) = attributes["references"]
        body = {**lens_search(attributes), "runtime_mappings": _runtime(reference["id"])}
        asked.append((_title(reference["id"]), body))
    empty = [
        f"{name}: {answer['hits']['total']['value']} documents"
        for (name, attributes), answer in zip(LENS.items(), demo.searches(asked), strict=True)
        if not rows(answer, attributes)
    ]
    assert len(LENS) > 70
    assert empty == []


def test_every_saved_search_finds_documents(demo: DemoIndex) -> None:
    searches = of_type("search")
    asked: list[tuple[str, dict[str, Any]]] = []
    for search in searches:
        inner = parsed(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        view = {one["name"]: one["id"] for one in search["references"]}[inner["indexRefName"]]
        body = {
            "size": 1,
            "query": to_query(inner["query"]["query"]),
            "sort": [{"@timestamp": "desc"}],
            "fields": search["attributes"]["columns"],
            "runtime_mappings": _runtime(view),
        }
        asked.append((_title(view), body))
    answers = zip(searches, demo.searches(asked), strict=True)
    assert [one["id"] for one, answer in answers if not answer["hits"]["hits"]] == []


def test_every_control_has_values_to_choose_from(demo: DemoIndex) -> None:
    names: list[tuple[str, str]] = []
    asked: list[tuple[str, dict[str, Any]]] = []
    for dashboard in of_type("dashboard"):
        group = dashboard["attributes"]["controlGroupInput"]
        by_name = {one["name"]: one["id"] for one in dashboard["references"]}
        for name, control in parsed(group["panelsJSON"]).items():
            if control["type"] == "timeSlider":
                continue
            view = by_name[f"controlGroup_{name}:optionsListDataView"]
            field = control["explicitInput"]["fieldName"]
            aggregation = {"suggestions": {"terms": {"field": field, "size": 10}}}
            body = {"size": 0, "aggs": aggregation, "runtime_mappings": _runtime(view)}
            names.append((dashboard["id"], field))
            asked.append((_title(view), body))
    answers = zip(names, demo.searches(asked), strict=True)
    empty = [one for one, found in answers if not found["aggregations"]["suggestions"]["buckets"]]
    assert empty == []


def test_runtime_fields_give_links_accreditations_and_delays(demo: DemoIndex) -> None:
    """anvil's chain is none of those with an explorer: one is configured for it."""
    links = Links(explorers={"31337": ("http://anvil/tx/{hash}", "http://anvil/a/{address}")})
    wanted = {
        "tapewatch-alerts": ["tapewatch.explorer.transaction", "tapewatch.explorer.token"],
        "tapewatch-events": [
            "tapewatch.explorer.transaction",
            "tapewatch.accreditation",
            "tapewatch.delay",
        ],
    }
    for view, fields in wanted.items():
        body = {
            "size": 1,
            "query": {"term": {"event.action": "alert" if "alerts" in view else "token-transfer"}},
            "sort": [{"blockchain.block.number": {"order": "desc", "missing": "_last"}}],
            "fields": fields,
            "_source": ["blockchain.transaction.hash", "token.address"],
            "runtime_mappings": runtime_mappings(VIEWS[view], links),
        }
        (hit,) = demo.search(_title(view), body)["hits"]["hits"]
        assert set(hit["fields"]) == set(fields)
        assert hit["fields"]["tapewatch.explorer.transaction"] == [
            f"http://anvil/tx/{hit['_source']['blockchain']['transaction']['hash']}"
        ]
    assert 0 < hit["fields"]["tapewatch.delay"][0] < 5


@pytest.mark.parametrize("view", ["tapewatch-alerts", "tapewatch-all"])
def test_alerts_are_filtered_by_the_accreditation_of_whom_they_are_about(
    demo: DemoIndex, view: str
) -> None:
    def count(wanted: list[dict[str, Any]]) -> int:
        query = {"bool": {"filter": [{"term": {"event.action": "alert"}}, *wanted]}}
        body = {"size": 0, "track_total_hits": True, "query": query}
        body["runtime_mappings"] = _runtime(view)
        return demo.search(_title(view), body)["hits"]["total"]["value"]

    some = count([{"term": {"tapewatch.accreditation": "qualified"}}])
    assert some == count([{"term": {"investor.accreditation": "qualified"}}])
    assert 0 < some < count([])


def test_queries_of_security_find_documents(demo: DemoIndex) -> None:
    """The rule that takes over our alerts, and the templates of Timeline."""
    queries = {one.title: one.query for one in source().timelines.templates if one.query}
    promotion = source().security.promotion
    asked = [("logs-tapewatch.alerts-*", {"query": to_query(promotion.query)})]
    asked += [("logs-tapewatch.events-*", {"query": to_query(one)}) for one in queries.values()]
    totals = [one["hits"]["total"]["value"] for one in demo.searches(asked)]
    assert all(totals), (promotion.name, queries, totals)
    updates = {"query": {"term": {"event.action": "alert-update"}}}
    alerts = demo.search("logs-tapewatch.alerts-*", {"query": {"match_all": {}}})
    excepted = demo.search("logs-tapewatch.alerts-*", updates)["hits"]["total"]["value"]
    assert totals[0] == alerts["hits"]["total"]["value"] - excepted - RETRACTED
