"""What a server has and lacks: asked, and tried without writing anything.

No list of versions tells: a reduced distribution lacks field types and life cycles, a serverless
one has no ILM. A template that is only simulated is refused with the name of what is unknown.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from elasticsearch import ApiError, BadRequestError

from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.pipelines import PROCESSORS
from delivery.elastic_setup.rest import SECURITY, Rest, knows
from delivery.elastic_setup.roles import needed_privileges
from delivery.mappings import FALLBACKS
from delivery.templates import PRIORITY, Data, StreamNames

_NO_TYPE = re.compile(r"(?:mapper type \[|No handler for type \[)(\w+)\]")
_PROBE = "tapewatch-probe-of-types"


async def lacking_interfaces(rest: Rest, names: StreamNames) -> Lacking:
    """Which interfaces it lacks: any log-in may ask. Raises ApiError and TransportError."""
    stream = names.stream("events")
    paths = (
        f"/_data_stream/{stream}/_lifecycle",
        "/_ilm/status",
        f"/_data_stream/{stream}",
        SECURITY,
    )
    lifecycle, ilm, interface, security = await asyncio.gather(*(knows(rest, p) for p in paths))
    return Lacking(
        data_stream_lifecycle=not lifecycle,
        ilm=not ilm,
        data_stream_interface=not interface,
        security=not security,
    )


async def lacking_types(rest: Rest, interfaces: Lacking) -> Lacking:
    """And which field types and processors. Raises ApiError and TransportError."""
    types, processors = await asyncio.gather(_missing_types(rest), _processors(rest))
    return msgspec.structs.replace(interfaces, types=types, processors=PROCESSORS - processors)


async def ilm_stopped(rest: Rest) -> list[str]:
    """A sentence, if ILM is there and does nothing. Raises ApiError and TransportError."""
    try:
        answer = await rest.ask("GET", "/_ilm/status")
    except ApiError as error:
        if error.status_code == 403:
            return []
        raise
    mode = answer.get("operation_mode")
    if mode == "RUNNING":
        return []
    return [f"ILM is {str(mode).lower()}: nothing rolls over or is deleted until POST /_ilm/start"]


async def missing_privileges(
    rest: Rest, names: StreamNames, data: Sequence[Data], *, roles: bool, ilm: bool
) -> list[str]:
    """What the log-in would need and hasn't: `cluster manage_security`."""
    asked = needed_privileges(names, data, roles=roles, ilm=ilm)
    answer = await rest.ask("POST", "/_security/user/_has_privileges", asked)
    missing = [f"cluster {name}" for name, has in answer["cluster"].items() if not has]
    for index, privileges in answer["index"].items():
        missing += [f"{name} on {index}" for name, has in privileges.items() if not has]
    return missing


async def _missing_types(rest: Rest) -> frozenset[str]:
    kinds = sorted(FALLBACKS)
    there = await asyncio.gather(*(_has_type(rest, kind) for kind in kinds))
    return frozenset(kind for kind, has in zip(kinds, there, strict=True) if not has)


async def _has_type(rest: Rest, kind: str) -> bool:
    body = {
        "index_patterns": [f"{_PROBE}-*"],
        "priority": PRIORITY,
        "template": {"mappings": {"properties": {"probe": {"type": kind}}}},
    }
    try:
        await rest.ask("POST", "/_index_template/_simulate", body)
    except BadRequestError as error:
        found = _NO_TYPE.search(str(error.body))
        if found is None or found[1] != kind:
            raise
        return False
    return True


async def _processors(rest: Rest) -> frozenset[str]:
    """Those that every node has that has any; all that we use where one may not ask."""
    try:
        answer = await rest.ask("GET", "/_nodes/ingest?filter_path=nodes.*.ingest.processors")
    except ApiError as error:
        if error.status_code in (403, 410):
            return PROCESSORS
        raise
    nodes = cast("dict[str, Any]", answer.get("nodes", {})).values()
    each = [frozenset(p["type"] for p in node["ingest"]["processors"]) for node in nodes]
    return frozenset[str]().union(*each[:1]).intersection(*each[1:]) if each else frozenset()
