"""Sinks from their configuration."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from delivery.elastic_setup.retention import Retention
from delivery.email_sink import EmailSink, MailServer
from delivery.endpoint import HttpOptions
from delivery.file_sink import FileSink
from delivery.mask import Masker
from delivery.notices import AlertLinks
from delivery.pagerduty import PagerDutySink
from delivery.sink import Sink
from delivery.slack import SlackSink
from delivery.splunk_hec_sink import SplunkHecSink
from delivery.splunk_notable import NotableEnvelope
from delivery.templates import StreamNames
from delivery.webhook import WebhookSink
from normalizer.events.taxonomy import fields
from pipeline.config import sinks as config
from pipeline.findings import Finding

if TYPE_CHECKING:
    from delivery.elasticsearch_client import Connection
    from delivery.elasticsearch_sink import ElasticsearchSink


def elasticsearch_fields() -> Mapping[str, str]:
    """The Elasticsearch type of every field of every document, by dotted name."""
    return {name: field.es for name, field in fields().items()}


def build_sink(settings: config.Sink) -> Sink:
    """The sink of a configured one. It does no I/O before `open`."""
    match settings:
        case config.FileSink():
            return FileSink(
                settings.name,
                settings.path,
                rotate_size=settings.rotate_size,
                rotate_after=settings.rotate_after,
                sync=settings.sync,
                contents=settings.content,
            )
        case config.ElasticsearchSink():
            return build_elasticsearch(settings)
        case config.SplunkHecSink():
            return SplunkHecSink(
                settings.name,
                settings.url,
                settings.token,
                HttpOptions(
                    timeout=settings.timeout,
                    ca_certificate=settings.ca_certificate,
                    verify_certificates=settings.verify_certificates,
                ),
                sourcetype=settings.sourcetype,
                index=settings.index,
                acknowledgement=settings.acknowledgement,
                acknowledgement_timeout=settings.acknowledgement_timeout,
                compress=settings.gzip,
                max_body=settings.max_body,
                notables=_notables(settings.notables),
            )


def _notables(settings: config.SplunkNotables | None) -> NotableEnvelope | None:
    if settings is None:
        return None
    return NotableEnvelope(settings.index, settings.security_domain, settings.drilldown_index)


def build_masker(settings: config.Sink | config.Notification) -> Masker | None:
    """What masks the documents of a sink; None where it gets everything.

    Raises :class:`~delivery.mask.MaskError` when the mask's key can't be had.
    """
    return Masker(settings.mask) if settings.mask is not None else None


def build_elasticsearch(settings: config.ElasticsearchSink) -> "ElasticsearchSink":
    """As `build_sink`, for what needs this sink's own methods."""
    # Elasticsearch's client takes longer to import than all else here, and few need it.
    from delivery.elasticsearch_sink import ElasticsearchSink

    return ElasticsearchSink(
        settings.name,
        elasticsearch_connection(settings),
        elasticsearch_fields(),
        names=StreamNames(namespace=settings.namespace),
        contents=settings.content,
        retention=retention(settings),
        install=settings.install_templates,
    )


def retention(settings: config.ElasticsearchSink) -> Retention:
    """How long its data streams keep their documents."""
    periods = settings.retention
    return Retention(
        by=periods.by,
        keep={
            "events": periods.events,
            "alerts": periods.alerts,
            "cases": periods.cases,
            "audit": periods.audit,
        },
        rollover_age=periods.rollover_age,
        rollover_size=periods.rollover_size,
        warm_after=periods.warm_after,
        snapshot_policy=periods.snapshot_policy,
    )


def elasticsearch_connection(settings: config.ElasticsearchSink) -> "Connection":
    """Where the sink's server is and how to log in: also to read from it."""
    from delivery.elasticsearch_client import Connection

    return Connection(
        urls=settings.urls,
        timeout=settings.timeout,
        api_key=settings.api_key,
        username=settings.username,
        password=settings.password,
        ca_certificate=settings.ca_certificate,
        verify_certificates=settings.verify_certificates,
    )


def build_notification(settings: config.Notification) -> Sink:
    """The sink of a configured notification: for the alerts alone."""
    match settings:
        case config.WebhookNotification():
            return WebhookSink(
                settings.name,
                settings.url,
                HttpOptions(
                    timeout=settings.timeout, verify_certificates=settings.verify_certificates
                ),
                secret=settings.secret,
                minimum_level=settings.minimum_level,
                staged=settings.staged,
                headers=settings.headers,
                pace=settings.pace,
            )
        case config.SlackNotification():
            return SlackSink(
                settings.name,
                settings.url,
                HttpOptions(timeout=settings.timeout),
                minimum_level=settings.minimum_level,
                staged=settings.staged,
                at_once=settings.at_once,
                links=AlertLinks(settings.alert_url, settings.case_url),
                pace=settings.pace,
            )
        case config.PagerDutyNotification():
            return PagerDutySink(
                settings.name,
                settings.url,
                settings.routing_key,
                HttpOptions(timeout=settings.timeout),
                minimum_level=settings.minimum_level,
                staged=settings.staged,
                group=settings.group,
                links=AlertLinks(settings.alert_url, settings.case_url),
                pace=settings.pace,
            )
        case config.EmailNotification():
            return _email(settings)


def _email(settings: config.EmailNotification) -> EmailSink:
    server = MailServer(
        host=settings.host,
        port=settings.port,
        security=settings.security,
        username=settings.username,
        password=settings.password,
        ca_certificate=settings.ca_certificate,
        timeout=settings.timeout,
    )
    return EmailSink(
        settings.name,
        server,
        sender=settings.sender,
        recipients=settings.recipients,
        minimum_level=settings.minimum_level,
        staged=settings.staged,
        at_once=settings.at_once,
        links=AlertLinks(settings.alert_url, settings.case_url),
        pace=settings.pace,
    )


def together(settings: config.Notification) -> int:
    """How many alerts go to it at once: it makes one message of them."""
    match settings:
        case config.SlackNotification() | config.EmailNotification():
            return settings.at_once
        case _:
            return 1


async def check(settings: config.Sink | config.Notification) -> list[Finding]:
    """What `tapewatch doctor` says of a configured sink or notification."""
    match settings:
        case config.FileSink() | config.ElasticsearchSink() | config.SplunkHecSink():
            return await build_sink(settings).check()
        case _:
            return await build_notification(settings).check()
