"""An installation into the double, as `tapewatch setup kibana` makes it."""

import asyncio
from pathlib import Path
from typing import Any

from delivery.build import elasticsearch_fields
from delivery.endpoint import HttpOptions
from delivery.kibana.client import KibanaClient
from delivery.kibana.install.installing import Report, install
from delivery.kibana.setup import least_version, steps_of
from normalizer.events import SEVERITY
from pipeline.config.kibana import Kibana
from pipeline.secrets import Secret, SecretText
from pipeline.units import SECOND
from tests.kibana.compiled import source
from tests.servers.kibana.double import KibanaDouble


def settings_of(double: KibanaDouble, **more: Any) -> Kibana:
    key = Secret("${env:TAPEWATCH_TEST_KIBANA_KEY}")
    return Kibana(url=SecretText(double.url), api_key=key, **more)


def install_into(
    double: KibanaDouble,
    *,
    settings: Kibana | None = None,
    dry_run: bool = False,
    converted: tuple[dict[str, Any], ...] = (),
    all_secrets: bool = False,
    api_key: str | None = None,
    timeout: int = 10 * SECOND,
    changed_source: Any = None,
) -> tuple[Report, list[float]]:
    """The report, and how long the client waited between attempts, in seconds."""
    chosen = settings or settings_of(double)
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> Report:
        client = KibanaClient(
            chosen.url,
            SecretText(api_key or double.api_key),
            HttpOptions(timeout=timeout, verify_certificates=False),
            space=chosen.space,
            sleep=sleep,
        )
        steps = steps_of(
            chosen,
            changed_source or source(),
            fields=elasticsearch_fields(),
            severities={str(level): value for level, value in SEVERITY.items()},
            converted=converted,
            all_secrets=all_secrets,
        )
        async with client:
            return await install(client, steps, dry_run=dry_run, least=least_version(chosen))

    return asyncio.run(run()), waits


ROOT = Path(__file__).resolve().parents[2]
