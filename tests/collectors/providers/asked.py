"""What a provider is asked, by tests, and whom it knows."""

from collections.abc import Callable
from typing import Any

from collectors.reference.chainalysis import ChainalysisProvider
from collectors.reference.source import Given, Item
from collectors.reference.trm import TrmProvider
from pipeline.config import reference_providers as config
from pipeline.reference_records import ReferenceRecord
from pipeline.secrets import Secret, SecretText
from tests.servers.providers.chainalysis import ChainalysisDouble
from tests.servers.providers.trm import TrmDouble

ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
UID = "b76ab44d-b71e-4d19-b6f9-f6e88cd73946"
OTHER_UID = "320bfdaa-213e-41fb-8d77-ed98c415f01e"
ACCOUNT = "572ac7b5-9f83-409d-ba8e-f0014e411c7e"
WORKFLOW = "41f71912-1c6b-4e2f-b340-d6dc10cd69b8"


async def read(source: Any) -> list[Item]:
    try:
        return [item async for item in source.read()]
    finally:
        await source.close()


def records(items: list[Item]) -> list[ReferenceRecord]:
    assert [item for item in items if not isinstance(item, Given)] == []
    return [item.record for item in items if isinstance(item, Given)]


def chainalysis_provider(
    double: ChainalysisDouble, secret: Callable[[str], Secret], **more: Any
) -> ChainalysisProvider:
    return ChainalysisProvider(
        config.Chainalysis(
            name="risk",
            api_key=secret(double.key),
            url=SecretText(double.url),
            per_second=1000,
            **more,
        )
    )


def trm_provider(double: TrmDouble, secret: Callable[[str], Secret], **more: Any) -> TrmProvider:
    return TrmProvider(
        config.Trm(
            name="risk",
            api_key=secret(double.key),
            url=SecretText(double.url),
            per_second=1000,
            **more,
        )
    )


class Seen:
    """Addresses that a test lets be seen."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    async def new(self) -> list[str]:
        new, self.waiting = self.waiting, []
        return new

    async def close(self) -> None:
        pass
