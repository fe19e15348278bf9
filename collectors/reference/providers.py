"""Which source a configured provider means."""

from collectors.reference.screening import RiskProvider, ScreeningQueue, ScreeningSource
from collectors.reference.source import ReferenceSource
from pipeline.bus import Bus
from pipeline.config.privacy import Privacy
from pipeline.config.reference_providers import (
    Chainalysis,
    Civic,
    Fractal,
    Jumio,
    OfacList,
    Provider,
    Trm,
)
from pipeline.pseudonyms import Pseudonyms


def build_provider(settings: Provider, bus: Bus, privacy: Privacy | None) -> ReferenceSource:
    """The source. A provider's code is imported where it is configured.

    ``privacy``: there where a source of persons is configured; the configuration is held to that.
    """
    match settings:
        case OfacList():
            from collectors.reference.ofac_sdn import OfacSource

            return OfacSource(settings)
        case Fractal():
            from collectors.reference.fractal import FractalSource

            return FractalSource(settings, _pseudonyms(privacy))
        case Jumio():
            from collectors.reference.jumio import JumioSource

            return JumioSource(settings, _pseudonyms(privacy))
        case Civic():
            from collectors.reference.civic import CivicSource

            return CivicSource(settings)
        case Chainalysis():
            from collectors.reference.chainalysis import ChainalysisProvider

            return _screening(settings, ChainalysisProvider(settings), bus)
        case Trm():
            from collectors.reference.trm import TrmProvider

            return _screening(settings, TrmProvider(settings), bus)


def _pseudonyms(privacy: Privacy | None) -> Pseudonyms:
    if privacy is None:
        raise ValueError("a source of persons needs `privacy` in the configuration")
    return Pseudonyms(privacy.keys)


def _screening(settings: Chainalysis | Trm, provider: RiskProvider, bus: Bus) -> ScreeningSource:
    from collectors.reference.seen_addresses import EventAddresses, screened

    queue = ScreeningQueue(settings.most_addresses, settings.rescreen_after)
    return ScreeningSource(
        provider,
        EventAddresses(bus),
        queue,
        settings.most_requests,
        before=lambda: screened(bus, settings.name),
    )
