"""Whether the configured Kibana is there, new enough, lets us in, and has what belongs into it."""

from typing import Any

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install.installing import UnfitKibana, checked_version
from delivery.kibana.setup import client_of, least_version
from delivery.sink import SinkUnavailable
from pipeline.config.kibana import Kibana
from pipeline.findings import Finding, FindingLevel

_SUBJECT = "kibana"
_SETUP = "run `tapewatch setup kibana`"
_VIEW = "/api/data_views/data_view/tapewatch-alerts"


async def check_kibana(settings: Kibana) -> list[Finding]:
    """Lines of `tapewatch doctor`. It changes nothing."""
    try:
        async with client_of(settings) as client:
            return await _check(client, least_version(settings))
    except SinkUnavailable as error:
        return [_finding("error", error.reason, "see `kibana:` in the configuration")]


async def _check(client: KibanaClient, least: tuple[int, int]) -> list[Finding]:
    try:
        version = await checked_version(client, least)
    except UnfitKibana as error:
        return [_finding("error", str(error))]
    except KibanaRefused as refused:
        advice = "set `api_key`" if refused.status in (401, 403) else ""
        return [_finding("error", str(refused), advice)]
    found = [_finding("ok", f"Kibana {version}, space {client.space}")]
    try:
        view = await client.find(_VIEW, dict[str, Any])
    except KibanaRefused as refused:
        said = f"what is installed can't be seen: {refused}"
        return [*found, _finding("warning", said, "give the key the privileges of operations.md")]
    if view is None:
        return [*found, _finding("warning", "dashboards are not installed", _SETUP)]
    return [*found, _finding("ok", "dashboards are installed")]


def _finding(level: FindingLevel, message: str, advice: str = "") -> Finding:
    return Finding(level=level, subject=_SUBJECT, message=message, advice=advice)
