"""Which source a configuration means."""

from collectors.reference.source import ReferenceSource
from pipeline.bus import Bus
from pipeline.config.privacy import Privacy
from pipeline.config.reference_sources import FileReference, HttpReference, SqlReference
from pipeline.config.sources import ReferenceSource as Settings

#: Sources that need nothing but themselves.
OwnSource = FileReference | SqlReference | HttpReference


def build_source(settings: Settings, bus: Bus, privacy: Privacy | None) -> ReferenceSource:
    """The source. A kind's code is imported where one is configured.

    ``privacy``: needed by sources of persons, who get pseudonyms.
    """
    if isinstance(settings, OwnSource):
        return build_own(settings)
    from collectors.reference.providers import build_provider

    return build_provider(settings, bus, privacy)


def build_own(settings: OwnSource) -> ReferenceSource:
    """A source of the operator's own data."""
    match settings:
        case FileReference():
            from collectors.reference.files import FileSource

            return FileSource(settings)
        case SqlReference():
            from collectors.reference.sql import SqlSource

            return SqlSource(settings)
        case HttpReference():
            from collectors.reference.http_items import HttpSource

            return HttpSource(settings)
