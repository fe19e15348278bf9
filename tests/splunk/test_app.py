"""The Splunk app: its files are what their sources make, and agree with each other and the sink."""

import re
import tarfile
from io import BytesIO
from xml.etree import ElementTree

import msgspec
import pytest

from normalizer.events.ecs import rfc3339
from pipeline.config.sinks import SplunkHecSink
from splunk import appinspect, build, package
from splunk.conf_file import APP, app_conf
from splunk.searches import event_fields
from splunk.spl.expressions import parse
from tests.delivery.documents import MOMENT, alert, event
from tests.fixtures.required import give_up

SOURCETYPE = "tapewatch:ecs"


def test_what_is_generated_is_what_its_sources_make() -> None:
    assert build.stale() == [], "run `python -m splunk.build`"


def test_appinspect_finds_nothing_that_isnt_explained() -> None:
    try:
        found = appinspect.inspect()
    except appinspect.InspectError as error:
        give_up("AppInspect", str(error))
    assert found.unexplained() == []
    assert found.summary["success"] > 100
    # What is no longer found need not be explained.
    assert {one.name for one in found.findings()} == set(appinspect.EXPLAINED)


def test_the_archive_is_the_same_bytes_each_time_with_nobodys_name_in_it() -> None:
    packed = package.packed()
    assert packed == package.packed()
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        members = archive.getmembers()
    assert {(one.mtime, one.uid, one.gid, one.uname, one.gname) for one in members} == {
        (members[0].mtime, 0, 0, "", "")
    }
    assert [one.name for one in members] == sorted(one.name for one in members)
    assert {one.name.partition("/")[0] for one in members} == {"tapewatch"}
    script = next(one for one in members if one.name.endswith("tapewatch_webhook.py"))
    assert script.mode == 0o755


def test_the_sourcetype_is_the_one_that_the_sink_sends() -> None:
    default = next(
        field.default
        for field in msgspec.structs.fields(SplunkHecSink)
        if field.name == "sourcetype"
    )
    assert list(app_conf("props")) == [default] == [SOURCETYPE]


def test_the_time_of_a_document_is_found_where_the_props_look_for_it() -> None:
    props = app_conf("props")[SOURCETYPE]
    body = event(1).body.decode()
    found = re.search(props["TIME_PREFIX"], body)
    assert found is not None
    ahead = body[found.end() : found.end() + int(props["MAX_TIMESTAMP_LOOKAHEAD"])]
    assert ahead.startswith(rfc3339(MOMENT))


@pytest.mark.parametrize(
    ("body", "goes"),
    [
        (alert(1).body.decode(), True),
        ('{"event":{"kind": "event","action":"alert-update"}}', True),
        ('{"event":{"kind":"event","action":"case-activity"}}', True),
        (event(1).body.decode(), False),
        # In a text the quotes are escaped.
        (msgspec.json.encode({"event": {"reason": '"kind":"alert"'}}).decode(), False),
    ],
)
def test_alerts_and_cases_go_to_the_index_of_alerts(body: str, goes: bool) -> None:
    transform = app_conf("transforms")["tapewatch_alerts_to_their_index"]
    assert bool(re.search(transform["REGEX"], body)) is goes
    assert transform["FORMAT"] in app_conf("indexes")
    assert app_conf("props")[SOURCETYPE]["TRANSFORMS-tapewatch"] in app_conf("transforms")


def test_fields_of_the_common_information_model_are_made_of_fields_that_exist() -> None:
    for key, value in app_conf("props")[SOURCETYPE].items():
        if key.startswith("EVAL-"):
            assert parse(value).fields <= event_fields(), key
        if key.startswith("FIELDALIAS-"):
            assert set(re.findall(r'"([\w.]+)" AS', value)) <= event_fields(), key


def test_tags_are_on_event_types_that_exist() -> None:
    types = {name.partition("=")[2] for name in app_conf("tags")}
    assert types <= set(app_conf("eventtypes"))


def test_roles_may_search_the_indexes_that_there_are() -> None:
    for role in app_conf("authorize").values():
        assert set(role["srchIndexesAllowed"].split(";")) == set(app_conf("indexes"))


def test_an_auditor_can_change_nothing() -> None:
    role = app_conf("authorize")["role_tapewatch_auditor"]
    assert "importRoles" not in role
    granted = {key for key, value in role.items() if value == "enabled"}
    assert granted == {"search", "get_metadata", "get_typeahead", "export_results_is_visible"}


def test_the_navigation_has_each_view_once() -> None:
    navigation = ElementTree.parse(APP / "default/data/ui/nav/default.xml")
    named = [one.attrib["name"] for one in navigation.iter("view")]
    views = {path.stem for path in (APP / build.VIEWS).glob("*.xml")}
    assert sorted(named) == sorted({*views, "search", "reports", "alerts"})


def test_searches_of_rules_are_off_and_say_why() -> None:
    searches = app_conf("savedsearches")
    rules = {name: one for name, one in searches.items() if "Off by default" in one["description"]}
    assert len(rules) > 60
    assert {one["disabled"] for one in rules.values()} == {"1"}
    assert {one.get("enableSched", "0") for name, one in searches.items() if name not in rules} == {
        "0"
    }


def test_versions_and_names_agree() -> None:
    manifest = msgspec.json.decode((APP / "app.manifest").read_bytes())
    app = app_conf("app")
    assert manifest["info"]["id"]["version"] == app["launcher"]["version"] == app["id"]["version"]
    assert manifest["info"]["id"]["name"] == app["package"]["id"] == APP.name


def test_actions_of_searches_are_actions_of_the_app() -> None:
    used = {
        key.removeprefix("action.")
        for search in app_conf("savedsearches").values()
        for key in search
        if key.startswith("action.")
    }
    assert used == set(app_conf("alert_actions"))
    for action in used:
        assert (APP / "bin" / f"{action}.py").is_file()
        assert (APP / f"default/data/ui/alerts/{action}.html").is_file()
