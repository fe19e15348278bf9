"""Every search of the app: its commands, functions, macros and fields are ones that exist.

No Splunk runs them: they are parsed by our own strict reading of a part of SPL (`splunk.spl`).
"""

import pytest

from splunk.conf_file import app_conf
from splunk.dashboard_source import read_dashboards
from splunk.searches import LOOKUPS, conf_searches, event_fields, lookup_rows
from splunk.shared_searches import panel_searches
from splunk.spl.search import Query
from splunk.spl.values import SplError

MACROS = app_conf("macros")
SEARCHES = {
    one.place: one.search
    for one in (*conf_searches(), *(s for d in read_dashboards() for s in panel_searches(d)))
}
COLUMNS = {name: list(lookup_rows(name)[0]) for name in LOOKUPS}


@pytest.mark.parametrize("place", SEARCHES)
def test_a_search_names_only_commands_macros_and_fields_that_exist(place: str) -> None:
    query = Query(SEARCHES[place], MACROS)
    assert query.unknown_fields(event_fields(), COLUMNS) == set()


@pytest.mark.parametrize(
    ("search", "what"),
    [
        ("index=tapewatch | stat count", "there is no command stat"),
        ("`tapewatch_alert`", "there is no macro tapewatch_alert"),
        ("index=a | eval x=len(y)", "there is no function len"),
        ("index=a | eval x=rule.name.", "something is missing"),
        ("index=a | stats median(x)", "median isn't counted here"),
        ('index=a | where a="b', 'no closing "'),
        ("index=a | stats count(eval(a=1) by b", "no )"),
        ("index=a | where in(a)", "in with 1 arguments"),
        ("index=a | rename a", "rename a: FIELD AS NAME"),
    ],
)
def test_what_isnt_spl_is_refused(search: str, what: str) -> None:
    with pytest.raises(SplError) as refused:
        Query(search, MACROS)
    assert what in str(refused.value)


@pytest.mark.parametrize(
    ("search", "unknown"),
    [
        ("event.knd=alert", {"event.knd"}),
        ("event.kind=alert | stats count by rule.nam", {"rule.nam"}),
        ("event.kind=alert | stats count | where event=1", {"event"}),
        ("event.kind=alert | eval a='rule.nam'", {"rule.nam"}),
        ("event.kind=alert | table rule.name | sort event.id", {"event.id"}),
        ("[ search event.kin=a | fields event.id | format ]", {"event.kin"}),
        # a list has its braces
        ("surveillance.entities=x", {"surveillance.entities"}),
        (
            "event.kind=a | lookup tapewatch_explorers chain AS event.id OUTPUT url",
            {"chain", "url"},
        ),
    ],
)
def test_a_field_that_nothing_makes_is_found(search: str, unknown: set[str]) -> None:
    assert Query(search, MACROS).unknown_fields(event_fields(), COLUMNS) == unknown
