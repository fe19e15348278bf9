"""Searches that several panels go on from, and those that go on, as one search.

A search that others go on from gives them the fields that it names, and no others (Splunk's manual
"Chain searches together"). So what it is written as is followed by the fields that its panels read.
"""

from collections.abc import Iterable, Iterator, Mapping

from splunk.conf_file import app_conf
from splunk.dashboard_source import Dashboard, Panel
from splunk.searches import ANY, AppSearch, event_fields, filled
from splunk.spl.commands import Fields, Stats
from splunk.spl.search import Query


def shared(dashboard: Dashboard, name: str) -> str:
    """The shared search in one line, with the fields that the panels need of it."""
    written = " ".join(dashboard.searches[name].split())
    macros = app_conf("macros")
    begun = Query(filled(written, ANY), macros)
    if isinstance(begun.commands[-1], (Stats, Fields)):
        return written
    there = begun.after(event_fields())
    needed: set[str] = set()
    for panel in dashboard.panels():
        if panel.after == name:
            going_on = Query(filled(f"* {panel.search}", ANY), macros)
            needed |= going_on.needs() & there
    return f"{written} | fields {', '.join(_in_order(needed))} | fields - _raw"


def whole(dashboard: Dashboard, panel: Panel) -> str:
    """The panel's search from its beginning, in one line."""
    own = " ".join(panel.search.split())
    return f"{shared(dashboard, panel.after)} {own}" if panel.after else own


def panel_searches(dashboard: Dashboard, tokens: Mapping[str, str] = ANY) -> Iterator[AppSearch]:
    """The whole search of each panel, its tokens filled in."""
    for panel in dashboard.panels():
        yield AppSearch(f"{dashboard.id}: {panel.title}", filled(whole(dashboard, panel), tokens))


def _in_order(names: Iterable[str]) -> list[str]:
    """`_time` first: Splunk draws charts by it."""
    return ["_time", *sorted(set(names) - {"_time"})]
