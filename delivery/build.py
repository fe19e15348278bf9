"""Sinks from their configuration."""

from collections.abc import Mapping

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.endpoint import HttpOptions
from delivery.file_sink import FileSink
from delivery.mask import Masker
from delivery.sink import Sink
from delivery.splunk_hec_sink import SplunkHecSink
from delivery.templates import StreamNames
from delivery.webhook import WebhookSink
from normalizer.events.taxonomy import fields
from pipeline.config import sinks as config
from pipeline.findings import Finding


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
            )


def build_masker(settings: config.Sink | config.Notification) -> Masker | None:
    """What masks the documents of a sink; None where it gets everything.

    Raises :class:`~delivery.mask.MaskError` when the mask's key can't be had.
    """
    return Masker(settings.mask) if settings.mask is not None else None


def build_elasticsearch(settings: config.ElasticsearchSink) -> ElasticsearchSink:
    """As `build_sink`; it has `install_templates` besides, for `tapewatch setup`."""
    return ElasticsearchSink(
        settings.name,
        elasticsearch_connection(settings),
        elasticsearch_fields(),
        names=StreamNames(namespace=settings.namespace),
        install=settings.install_templates,
    )


def elasticsearch_connection(settings: config.ElasticsearchSink) -> Connection:
    """Where the sink's server is and how to log in: also to read from it."""
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
    return WebhookSink(
        settings.name,
        settings.url,
        HttpOptions(timeout=settings.timeout, verify_certificates=settings.verify_certificates),
        secret=settings.secret,
        minimum_level=settings.minimum_level,
        staged=settings.staged,
        headers=settings.headers,
    )


async def check(settings: config.Sink | config.Notification) -> list[Finding]:
    """What `tapewatch doctor` says of a configured sink or notification."""
    match settings:
        case config.WebhookNotification():
            return await build_notification(settings).check()
        case _:
            return await build_sink(settings).check()
