"""Roles with the least privileges that do: who writes, who investigates, who only looks.

`index` lets its holder overwrite a document: the writer has it where marks are set (orphaned
events, retracted alerts, what is the newest of a case), but not for the audit log, which only
grows. Nobody here may delete a document, an index or a data stream: that is the retention's, and an
administrator's.

The privileges in Kibana are named as Kibana 9 names its features. An administrator may give a role
more of those: what else `applications` has is left as it is.

Sources: Elasticsearch's reference "Elasticsearch privileges" and "Create or update roles"; Elastic
Security's "Detections privileges", for the alerts of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from delivery.templates import DATA, Data, StreamNames

Who = Literal["writer", "analyst", "auditor"]
ROLES: tuple[Who, ...] = ("writer", "analyst", "auditor")

#: The space of Kibana.
KIBANA_SPACE = "space:default"
_LOOKS = ("discover_v2", "dashboard_v2", "visualize_v2", "maps_v2")
_WORKS = ("securitySolutionTimeline", "securitySolutionNotes")
#: Kibana 9.4 took alerts and rules out of `siem`; its older names stand for all of them.
_LOOKS_9_4, _LOOKS_9_0 = ("siemV5", "securitySolutionRulesV4"), ("siemV2",)
_WORKS_9_4 = ("generalCasesV3", "securitySolutionCasesV3", "securitySolutionAlertsV1")
_WORKS_9_0 = ("generalCasesV2", "securitySolutionCasesV2")
#: Elastic Security's own alerts, where its rules promote ours.
_SECURITY_ALERTS = (".alerts-security.alerts-*",)
_SECURITY_LISTS = (".items-*", ".lists-*")
_MARKED: frozenset[Data] = frozenset(("events", "alerts", "cases"))


def role_body(who: Who, names: StreamNames, version: tuple[int, int]) -> dict[str, Any]:
    """The role, without what makes it ours. `version` of the server: Kibana's is the same."""
    match who:
        case "writer":
            return {
                "description": "Tapewatch's sink: adds documents, and marks events and alerts",
                "cluster": [],
                "indices": _writer(names),
                "applications": [],
            }
        case "analyst":
            worked = [names.pattern(data) for data in DATA if data != "audit"]
            return {
                "description": "Investigates alerts and works on cases, changes no document",
                "cluster": [],
                "indices": [
                    _may(worked, ("read", "view_index_metadata")),
                    _may(_SECURITY_ALERTS, ("maintenance", "read", "view_index_metadata", "write")),
                    _may(_SECURITY_LISTS, ("read", "view_index_metadata")),
                ],
                "applications": [_kibana(version, "all")],
            }
        case "auditor":
            seen = [names.pattern(data) for data in DATA]
            return {
                "description": "Reads everything, the audit log too, and changes nothing",
                "cluster": [],
                "indices": [
                    _may(seen, ("read", "view_index_metadata")),
                    _may((*_SECURITY_ALERTS, *_SECURITY_LISTS), ("read", "view_index_metadata")),
                ],
                "applications": [_kibana(version, "read")],
            }


def needed_privileges(
    names: StreamNames, data: Sequence[Data], *, roles: bool, ilm: bool
) -> dict[str, Any]:
    """What whoever sets it up must be allowed, as `_has_privileges` asks for it."""
    cluster = ["manage_index_templates", "manage_ingest_pipelines", "monitor"]
    if ilm:
        cluster.append("manage_ilm")
    if roles:
        cluster.append("manage_security")
    return {
        "cluster": sorted(cluster),
        "index": [
            {"names": [names.stream(one) for one in data], "privileges": ["manage"]},
        ],
    }


def _writer(names: StreamNames) -> list[dict[str, Any]]:
    # A copy that came before a rollover is found by a search, hence `read` and `maintenance`.
    adds = ("auto_configure", "create_doc", "maintenance", "read", "view_index_metadata")
    marked = [names.pattern(data) for data in DATA if data in _MARKED]
    grown = [names.pattern(data) for data in DATA if data not in _MARKED]
    return [_may(marked, ("index", *adds)), _may(grown, adds)]


def _may(names: Sequence[str], privileges: Sequence[str]) -> dict[str, Any]:
    return {
        "names": list(names),
        "privileges": sorted(privileges),
        "allow_restricted_indices": False,
    }


def _kibana(version: tuple[int, int], work: Literal["all", "read"]) -> Mapping[str, Any]:
    newer = version >= (9, 4)
    looks = (*_LOOKS, *(_LOOKS_9_4 if newer else _LOOKS_9_0))
    works = (*_WORKS, *(_WORKS_9_4 if newer else _WORKS_9_0))
    privileges = [f"feature_{name}.read" for name in looks]
    privileges += [f"feature_{name}.{work}" for name in works]
    return {
        "application": "kibana-.kibana",
        "privileges": sorted(privileges),
        "resources": [KIBANA_SPACE],
    }
