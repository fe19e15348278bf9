"""The steps of an installation, from source and configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.endpoint import HttpOptions
from delivery.kibana import dashboards_api
from delivery.kibana.client import ATTEMPTS, KibanaClient
from delivery.kibana.install.case_settings import CaseSettings
from delivery.kibana.install.change import Step
from delivery.kibana.install.connectors import Connectors
from delivery.kibana.install.dashboards import Dashboards
from delivery.kibana.install.exceptions import Exceptions
from delivery.kibana.install.installing import DASHBOARDS_API_VERSION, LEAST_VERSION
from delivery.kibana.install.objects import SavedObjects
from delivery.kibana.install.rules import Rules
from delivery.kibana.install.space import Space
from delivery.kibana.install.timelines import TimelineTemplates
from delivery.kibana.links import Links
from delivery.kibana.promotion import promotion_rule
from delivery.kibana.saved_objects import saved_objects
from delivery.kibana.source import Source
from pipeline.config.kibana import Kibana


def links_of(settings: Kibana) -> Links:
    """What the configuration says of links."""
    return Links(
        investor=settings.links.investor,
        evidence=settings.links.evidence,
        explorers={
            str(one.chain_id): (one.transaction, one.address) for one in settings.links.explorers
        },
        namespace=settings.namespace,
    )


def client_of(
    settings: Kibana, space: str | None = None, *, attempts: int = ATTEMPTS
) -> KibanaClient:
    """A client of the configured Kibana, in its space or another one."""
    options = HttpOptions(
        timeout=settings.timeout,
        ca_certificate=settings.ca_certificate,
        verify_certificates=settings.verify_certificates,
    )
    return KibanaClient(
        settings.url,
        settings.api_key,
        options,
        space=space or settings.space,
        attempts=attempts,
    )


def least_version(settings: Kibana) -> tuple[int, int]:
    """The least version of Kibana that this needs."""
    by_api = settings.dashboards == "dashboards_api"
    return DASHBOARDS_API_VERSION if by_api else LEAST_VERSION


def steps_of(
    settings: Kibana,
    source: Source,
    *,
    fields: Mapping[str, str],
    severities: Mapping[str, int],
    converted: Sequence[dict[str, Any]],
    all_secrets: bool = False,
) -> list[Step]:
    """All steps, in their order: what is referred to before what refers to it.

    `fields`: Elasticsearch's type by name. `severities`: `event.severity` by level. `converted`:
    rules that were converted from Sigma, as an import takes them.
    """
    links = links_of(settings)
    objects = saved_objects(source, links, fields)
    steps: list[Step] = [Space()]
    if settings.dashboards == "dashboards_api":
        rest = [one for one in objects if one["type"] not in ("dashboard", "links")]
        bodies = dashboards_api.dashboards(source, links)
        left_out = {one.id: dashboards_api.left_out(one) for one in source.dashboards}
        steps += [SavedObjects(rest), Dashboards(bodies, left_out)]
    else:
        steps.append(SavedObjects(objects))
    alerts = f"logs-tapewatch.alerts-{settings.namespace}"
    promotion = promotion_rule(source.security.promotion, source.timelines, alerts, severities)
    return [
        *steps,
        Connectors(settings.connectors, all_secrets=all_secrets),
        TimelineTemplates(source.timelines.templates),
        Exceptions(source.security.exceptions),
        Rules([promotion, *converted], list_id=source.security.exceptions.id),
        CaseSettings(source.cases),
    ]
