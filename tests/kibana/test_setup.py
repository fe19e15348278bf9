"""Installing into a strict double of Kibana's API: once, again, in other forms, under faults."""

import asyncio
import json
from collections import Counter
from typing import Any

import msgspec
import pytest

from delivery.kibana.check import check_kibana
from delivery.kibana.client import KibanaRefused
from delivery.kibana.install.change import differences
from delivery.kibana.install.installing import UnfitKibana
from delivery.sink import SinkUnavailable
from detections.conversion.export import Choices, export
from detections.rules import load_rules
from pipeline.config.kibana import (
    ChainExplorer,
    EmailConnector,
    KibanaLinks,
    PagerDutyConnector,
    SlackConnector,
    WebhookConnector,
)
from pipeline.secrets import Secret
from pipeline.units import MILLISECOND
from tests.kibana.compiled import source
from tests.kibana.installing import ROOT, install_into, settings_of
from tests.servers.kibana.case_settings import CaseSettings
from tests.servers.kibana.connectors import Connectors
from tests.servers.kibana.dashboards_api import DashboardsApi
from tests.servers.kibana.detection_engine import ExceptionLists, Rules
from tests.servers.kibana.double import Fault, KibanaDouble
from tests.servers.kibana.saved_objects import SavedObjects
from tests.servers.kibana.spaces import Spaces
from tests.servers.kibana.timelines import Timelines

WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def actions(report: Any) -> set[str]:
    return {one.action for one in report.changes}


def written(double: KibanaDouble) -> list[str]:
    """Paths of the requests that changed something."""
    return [
        one.path
        for one in double.requests
        if one.method in WRITES and not one.path.endswith("_export") and one.status < 300
    ]


def test_everything_is_there_after_one_run_and_a_second_changes_nothing(
    kibana: KibanaDouble,
) -> None:
    first, _ = install_into(kibana)
    assert (first.failed, first.left_out) == ([], [])
    assert actions(first) == {"create", "unchanged"}  # the default space is there
    kinds = Counter(type_ for type_, _ in kibana.area(SavedObjects).of("default"))
    assert kinds["dashboard"] == 8
    assert kinds["index-pattern"] == 4
    assert len(kibana.area(Timelines).of("default")) == 4
    assert len(kibana.area(ExceptionLists).of("default")) == 1
    (settings,) = kibana.area(CaseSettings).of("default").values()
    assert len(settings["customFields"]) == 9
    assert {one["key"] for one in settings["templates"]} >= {"tapewatch-wash-trading"}

    kibana.requests.clear()
    second, _ = install_into(kibana)
    assert actions(second) == {"unchanged"}
    assert written(kibana) == []


def test_a_dry_run_says_what_would_change_and_changes_nothing(kibana: KibanaDouble) -> None:
    report, _ = install_into(kibana, dry_run=True)
    assert len(report.pending) > 30
    assert written(kibana) == []


def test_a_new_version_of_a_dashboard_is_told_by_its_differences(kibana: KibanaDouble) -> None:
    install_into(kibana)
    changed = msgspec.structs.replace(
        source(),
        dashboards=tuple(
            msgspec.structs.replace(one, last="48h") if one.id == "tapewatch-overview" else one
            for one in source().dashboards
        ),
    )
    report, _ = install_into(kibana, dry_run=True, changed_source=changed)
    (only,) = report.pending
    assert (only.kind, only.id, only.action) == ("dashboard", "tapewatch-overview", "update")
    assert 'timeFrom: "now-24h" becomes "now-48h"' in only.differences


def test_what_people_arrange_in_a_dashboard_stays_until_ours_changes(kibana: KibanaDouble) -> None:
    install_into(kibana)
    held = kibana.area(SavedObjects).of("default")["dashboard", "tapewatch-overview"]
    held.attributes["panelsJSON"] = "[]"
    report, _ = install_into(kibana)
    assert report.pending == []
    assert held.attributes["panelsJSON"] == "[]"


def test_a_changed_data_view_is_put_right(kibana: KibanaDouble) -> None:
    install_into(kibana)
    views = kibana.area(SavedObjects).of("default")
    views["index-pattern", "tapewatch-events"].attributes["runtimeFieldMap"] = "{}"
    report, _ = install_into(kibana)
    (only,) = report.pending
    assert any("tapewatch.delay" in line for line in only.differences)
    assert (
        "tapewatch.delay"
        in (views["index-pattern", "tapewatch-events"].attributes["runtimeFieldMap"])
    )


def test_a_space_is_made_and_everything_goes_into_it(kibana: KibanaDouble) -> None:
    settings = settings_of(kibana, space="surveillance")
    dry, _ = install_into(kibana, settings=settings, dry_run=True)
    assert [one.kind for one in dry.pending] == ["space"]
    assert "space isn't there yet" in dry.left_out[0]
    install_into(kibana, settings=settings)
    assert "surveillance" in kibana.area(Spaces).spaces
    assert kibana.area(SavedObjects).of("default") == {}
    assert kibana.area(SavedObjects).of("surveillance")


def test_dashboards_by_the_dashboards_api(kibana: KibanaDouble) -> None:
    settings = settings_of(kibana, dashboards="dashboards_api")
    report, _ = install_into(kibana, settings=settings)
    assert report.failed == []
    assert len(kibana.area(DashboardsApi).of("default")) == 8
    assert any("Who trades with whom" in one for one in report.left_out)
    kinds = Counter(type_ for type_, _ in kibana.area(SavedObjects).of("default"))
    assert kinds["dashboard"] == kinds["links"] == 0
    again, _ = install_into(kibana, settings=settings)
    assert actions(again) == {"unchanged"}


def test_links_and_namespace_are_the_configurations(kibana: KibanaDouble) -> None:
    links = KibanaLinks(
        investor="https://captable.example/i/{{value}}",
        explorers=[
            ChainExplorer(
                chain_id=1,
                transaction="https://blockscout.example/tx/{hash}",
                address="https://blockscout.example/a/{address}",
            )
        ],
    )
    install_into(kibana, settings=settings_of(kibana, links=links, namespace="prod"))
    held = kibana.area(SavedObjects).of("default")
    view = held["index-pattern", "tapewatch-events"].attributes
    assert view["title"] == "logs-tapewatch.events-prod"
    formats = json.loads(view["fieldFormatMap"])
    assert formats["investor.id"]["params"]["urlTemplate"] == links.investor
    script = json.loads(view["runtimeFieldMap"])["tapewatch.explorer.transaction"]["script"]
    assert "'1': 'https://blockscout.example/tx/{hash}'" in script["source"]
    network = held["visualization", "tapewatch-vega-wash-trade-network"].attributes["visState"]
    assert "logs-tapewatch.events-prod" in network
    assert "NAMESPACE" not in network


def test_connectors_get_their_secrets_once(
    kibana: KibanaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.slack.example/T0/B0/x")
    monkeypatch.setenv("KEY", "0123456789abcdef")
    settings = settings_of(
        kibana,
        connectors=[
            SlackConnector(id="tapewatch-desk", name="Desk", url=Secret("${env:HOOK}")),
            PagerDutyConnector(id="tapewatch-duty", name="Duty", routing_key=Secret("${env:KEY}")),
            WebhookConnector(
                id="tapewatch-hook",
                name="Hook",
                url="https://hooks.example/alerts",
                username="tapewatch",
                password=Secret("${env:KEY}"),
            ),
            EmailConnector(
                id="tapewatch-mail",
                name="Mail",
                host="smtp.example",
                sender="watch@example.com",
            ),
        ],
    )
    report, _ = install_into(kibana, settings=settings)
    assert report.failed == []
    held = kibana.area(Connectors).of("default")
    assert held["tapewatch-desk"].secrets == {"webhookUrl": "https://hooks.slack.example/T0/B0/x"}
    assert held["tapewatch-hook"].secrets["user"] == "tapewatch"
    again, _ = install_into(kibana, settings=settings)
    assert again.pending == []
    held["tapewatch-duty"].is_missing_secrets = True
    lost, _ = install_into(kibana, settings=settings)
    assert [one.id for one in lost.pending] == ["tapewatch-duty"]
    rotated, _ = install_into(kibana, settings=settings, all_secrets=True)
    assert len(rotated.pending) == 4
    told = json.dumps([one.body for one in report.changes if one.kind == "connector"])
    assert "hooks.slack.example" not in told


def _converted() -> tuple[dict[str, Any], ...]:
    ruleset = load_rules([ROOT / "sigma_rules" / "administration"])
    found = [one.output for one in export(ruleset, Choices(format="siem"))]
    return tuple({**one, "enabled": False} for one in found if isinstance(one, dict))


def test_rules_promote_our_alerts_and_what_people_set_of_them_stays(kibana: KibanaDouble) -> None:
    converted = _converted()
    assert len(converted) > 5
    install_into(kibana, converted=converted)
    held = kibana.area(Rules).of("default")
    promotion = held[source().security.promotion.id]
    assert promotion["enabled"] is True
    assert promotion["rule_name_override"] == "rule.name"
    assert promotion["risk_score_mapping"][0]["field"] == "event.risk_score"
    severities = {one["value"]: one["severity"] for one in promotion["severity_mapping"]}
    assert set(severities.values()) == {"low", "medium", "high", "critical"}
    assert all(not held[one["rule_id"]]["enabled"] for one in converted)
    assert all(
        [item["list_id"] for item in one["exceptions_list"]] == ["tapewatch-exceptions"]
        for one in held.values()
    )

    mine = held[converted[0]["rule_id"]]
    mine["enabled"] = True
    mine["exceptions_list"].append(
        {**mine["exceptions_list"][0], "id": "other", "list_id": "tapewatch-exceptions"}
    )
    before = len(mine["exceptions_list"])
    changed = ({**converted[0], "note": "Ask the desk."}, *converted[1:])
    report, _ = install_into(kibana, converted=changed)
    (only,) = report.pending
    assert only.differences == ('note: "Ask the desk." is not there yet',) or "note" in str(
        only.differences
    )
    now = held[converted[0]["rule_id"]]
    assert now["enabled"] is True
    now["tags"] = ["The desk's own"]
    install_into(kibana, converted=changed)
    now = held[converted[0]["rule_id"]]
    assert now["enabled"] is True, "a rule whose tags they changed is the same rule"
    assert "Tapewatch" in now["tags"]
    assert now["note"] == "Ask the desk."
    assert len(now["exceptions_list"]) == before


def test_case_settings_of_others_stay_and_a_conflict_is_tried_again(kibana: KibanaDouble) -> None:
    install_into(kibana)
    (settings,) = kibana.area(CaseSettings).of("default").values()
    other = {"key": "ticket", "label": "Ticket", "type": "text", "required": False}
    settings["customFields"] = [other, *settings["customFields"][1:]]
    kibana.fail(Fault(status=409, path="/api/cases/configure/", method="PATCH"))
    report, _ = install_into(kibana)
    assert report.failed == []
    assert [one.kind for one in report.pending] == ["case settings"]
    assert settings["customFields"][0] == other
    assert len(settings["customFields"]) == 10


def test_too_many_case_settings_are_said_and_the_rest_is_installed(kibana: KibanaDouble) -> None:
    install_into(kibana)
    (settings,) = kibana.area(CaseSettings).of("default").values()
    settings["customFields"] = [
        {"key": f"mine-{number}", "label": "Mine", "type": "text", "required": False}
        for number in range(10)
    ]
    report, _ = install_into(kibana)
    (said,) = report.failed
    assert "there are 9 too many" in said


@pytest.mark.parametrize("fault", [429, 500, 502, 503])
def test_what_passes_is_waited_for(kibana: KibanaDouble, fault: int) -> None:
    kibana.fail(
        Fault(status=fault, path="_import", retry_after="7"),
        Fault(status=fault, path="/api/timeline", method="POST"),
        Fault(status=fault, path="/api/status"),
    )
    report, waits = install_into(kibana)
    assert report.failed == []
    assert 7 in waits
    assert len(waits) == 3
    assert actions(install_into(kibana)[0]) == {"unchanged"}


def test_a_kibana_that_stays_busy_is_given_up(kibana: KibanaDouble) -> None:
    kibana.fail(*[Fault(status=503, path="/api/status")] * 5)
    with pytest.raises(SinkUnavailable, match="HTTP 503"):
        install_into(kibana)


def test_a_lost_connection_after_an_import_does_no_harm(kibana: KibanaDouble) -> None:
    kibana.fail(Fault(path="saved_objects/_import", drop=True, applied=True))
    report, waits = install_into(kibana)
    assert report.failed == []
    assert len(waits) == 1
    assert len(kibana.area(SavedObjects).of("default")) == 27


@pytest.mark.parametrize(
    "path", ["/api/timeline", "/api/exception_lists", "/api/exception_lists/items", "/connector/"]
)
def test_what_was_made_by_a_request_whose_answer_was_lost_is_not_made_twice(
    kibana: KibanaDouble, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "0123456789abcdef")
    duty = PagerDutyConnector(id="duty", name="Duty", routing_key=Secret("${env:KEY}"))
    settings = settings_of(kibana, connectors=[duty])
    kibana.fail(Fault(path=path, method="POST", drop=True, applied=True))
    report, _ = install_into(kibana, settings=settings)
    assert report.failed == []
    assert actions(install_into(kibana, settings=settings)[0]) == {"unchanged"}
    assert len(kibana.area(Timelines).of("default")) == 4


def test_a_base_path_is_kept() -> None:
    with KibanaDouble(base_path="/watch") as double:
        settings = settings_of(double, space="surveillance")
        report, _ = install_into(double, settings=settings)
        assert report.failed == []
        assert double.area(SavedObjects).of("surveillance")


def test_a_slow_kibana_is_not_waited_for_without_end(kibana: KibanaDouble) -> None:
    kibana.fail(*[Fault(path="/api/status", delay=0.3)] * 5)
    with pytest.raises(SinkUnavailable, match="no answer in time"):
        install_into(kibana, timeout=50 * MILLISECOND)


def test_a_key_that_is_refused_stops_everything(kibana: KibanaDouble) -> None:
    key = kibana.key_of("somebody")
    kibana.revoke(key)
    with pytest.raises(KibanaRefused) as raised:
        install_into(kibana, api_key=key)
    assert raised.value.status == 401
    assert key not in str(raised.value)


def test_a_key_that_may_not_write_is_told_step_by_step(kibana: KibanaDouble) -> None:
    report, _ = install_into(kibana, api_key=kibana.key_of("reader", read_only=True))
    assert len(report.failed) == 5
    assert all("lacks the privilege" in one for one in report.failed)
    assert written(kibana) == []


def test_what_a_kibana_lacks_is_left_out_and_said() -> None:
    areas = [Spaces(), SavedObjects()]
    with KibanaDouble(areas=areas) as double:
        areas[1].lacking.add("links")  # type: ignore[union-attr]
        report, _ = install_into(double)
    said = "\n".join(report.left_out)
    assert "links tapewatch-navigation" in said
    for step in ("timeline templates", "exceptions", "rules", "case settings"):
        assert f"{step}: this Kibana has none" in said
    assert report.failed == []


def test_a_licence_that_lacks_a_connector_stops_no_other_step(
    kibana: KibanaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "0123456789abcdef")
    kibana.area(Connectors).refused.add(".pagerduty")
    duty = PagerDutyConnector(id="duty", name="Duty", routing_key=Secret("${env:KEY}"))
    report, _ = install_into(kibana, settings=settings_of(kibana, connectors=[duty]))
    (said,) = report.failed
    assert "license does not support it" in said
    assert kibana.area(Timelines).of("default")


@pytest.mark.parametrize(
    ("version", "dashboards", "said"),
    [
        ("8.19.2", "saved_objects", "9.1 or newer is needed"),
        ("9.0.4", "saved_objects", "9.1 or newer is needed"),
        ("9.4.3", "dashboards_api", "9.5 or newer is needed"),
    ],
)
def test_an_old_kibana_is_refused(version: str, dashboards: str, said: str) -> None:
    with KibanaDouble(version=version) as double:
        settings = settings_of(double, dashboards=dashboards)
        with pytest.raises(UnfitKibana, match=said):
            install_into(double, settings=settings)


def test_doctor_tells_whether_it_is_there_and_has_what_it_should(
    kibana: KibanaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_TEST_KIBANA_KEY", kibana.api_key)
    settings = settings_of(kibana)

    def told() -> list[tuple[str, str]]:
        return [(one.level, one.message) for one in asyncio.run(check_kibana(settings))]

    assert told() == [
        ("ok", "Kibana 9.5.1, space default"),
        ("warning", "dashboards are not installed"),
    ]
    install_into(kibana)
    assert [level for level, _ in told()] == ["ok", "ok"]
    kibana.revoke(kibana.api_key)
    ((level, message),) = told()
    assert level == "error"
    assert "HTTP 401" in message


def test_differences_read_json_within_json_and_leave_what_others_added() -> None:
    ours = {"a": 1, "panelsJSON": '[{"x": 1, "y": [1, 2]}]', "empty": ""}
    theirs = {"a": 1, "panelsJSON": '[{"y": [1, 3], "x": 1, "z": 9}]', "more": True}
    assert differences(ours, theirs) == ["panelsJSON[0].y[1]: 3 becomes 2"]


def test_every_field_that_security_and_timelines_name_is_mapped() -> None:
    from delivery.build import elasticsearch_fields

    known = elasticsearch_fields()
    named = [name for one in source().timelines.templates for name in (*one.any, *one.columns)]
    for item in source().security.exceptions.items:
        named += [one.field for one in item.conditions]
    assert [name for name in named if name not in known] == []


def test_the_double_is_strict(kibana: KibanaDouble) -> None:
    import httpx

    key = {"Authorization": f"ApiKey {kibana.api_key}"}
    body = {"id": "a", "name": "A"}
    url = f"{kibana.url}/api/spaces/space"
    assert httpx.post(url, json=body, headers=key).status_code == 400
    assert httpx.post(url, json=body, headers={"kbn-xsrf": "true"}).status_code == 401
    good = {**key, "kbn-xsrf": "true"}
    assert httpx.post(url, content=b"{}", headers=good).status_code == 415
    assert httpx.post(url, json={**body, "nme": "A"}, headers=good).status_code == 400
    assert httpx.post(url, json=body, headers=good).status_code == 200
    assert httpx.post(url, json=body, headers=good).status_code == 409
