"""The searches of the app's .conf files, and the fields that a search may name."""

import csv
import re
from collections.abc import Iterator, Mapping

import msgspec

from normalizer.events.taxonomy import fields
from splunk.conf_file import APP, app_conf

_TOKEN = re.compile(r"\$(\w+)\|s\$")
#: A field of the event whose menu it is.
_FIELD = re.compile(r"\$[\w.]+\$")
#: What stands for the tokens of a dashboard's inputs where nothing is chosen.
ANY: Mapping[str, str] = {
    "classification": "*",
    "accreditation": "*",
    "investor": "*",
    "asset": "*",
}
#: Of alerts about orders, by the correlators `spoofing` and `layering`.
METRICS = ("depth_share", "lifetime_seconds")
LOOKUPS = ("tapewatch_jurisdictions", "tapewatch_explorers")


class AppSearch(msgspec.Struct, frozen=True):
    """A search, and where it is from."""

    place: str
    search: str


def event_fields() -> frozenset[str]:
    """Fields of the documents that the HEC sink sends, as Splunk's extraction from JSON calls them.

    Of the map `surveillance.metrics` the names below it are data, and in no list but this: those
    that the app's searches use.
    """
    found = fields().values()
    named = (one.name for one in found if not one.lists.issuperset(one.records))
    lists = (f"{one.name}{{}}" for one in found if one.lists)
    return frozenset((*named, *lists, *(f"surveillance.metrics.{name}" for name in METRICS)))


def filled(search: str, tokens: Mapping[str, str]) -> str:
    """`$name|s$` as Dashboard Studio fills it in: the value in double quotes.

    Raises KeyError for a token that no input sets.
    """
    return _TOKEN.sub(lambda found: f'"{tokens[found[1]]}"', search)


def conf_searches() -> Iterator[AppSearch]:
    """Those of saved searches, event types, menus and macros."""
    for name, stanza in app_conf("savedsearches").items():
        yield AppSearch(f"savedsearches.conf [{name}]", stanza["search"])
    for name, stanza in app_conf("eventtypes").items():
        yield AppSearch(f"eventtypes.conf [{name}]", stanza["search"])
    for name, stanza in app_conf("workflow_actions").items():
        if stanza["type"] == "search":
            search = _FIELD.sub("x", stanza["search.search_string"])
            yield AppSearch(f"workflow_actions.conf [{name}]", search)
    for name in app_conf("macros"):
        if name.endswith("(1)"):
            continue  # within the dashboards' searches
        if name == "tapewatch_balances":
            continue  # the same
        if not name.endswith("_url"):
            yield AppSearch(f"macros.conf [{name}]", f"`{name}`")


def lookup_rows(name: str) -> list[dict[str, str]]:
    """The rows of a lookup file of the app."""
    with (APP / "lookups" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
