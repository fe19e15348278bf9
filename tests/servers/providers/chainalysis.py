"""Chainalysis: the Sanctions API (auth-developers.chainalysis.com) and Address Screening
(docs.chainalysis.com/api/address-screening), each with the documents' own example."""

from typing import Any

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import PLANTED, ProviderDouble, Refusal, wants

#: The address of the documents' example.
SECONDEYE = "0x1da5821544e25c636c1417ba96ade4cf6d2f9b5a"


class ChainalysisDouble(ProviderDouble):
    """`sanctioned` and `entities` by address; `key` is for both interfaces."""

    def __init__(self) -> None:
        super().__init__()
        self.key = "key-" + self.client_secret
        self.sanctioned: set[str] = {SECONDEYE}
        self.entities: dict[str, dict[str, Any]] = {}

    def assessed(self, address: str, risk: str, *categories: str) -> None:
        self.entities[address] = {
            "address": address,
            "risk": risk,
            "riskReason": f"Identified as {categories[0]}" if categories else None,
            "addressType": "PRIVATE_WALLET",
            "cluster": {"name": PLANTED[0], "category": categories[0]} if categories else None,
            "addressIdentifications": [
                {"name": PLANTED[1], "category": one, "description": PLANTED[4], "url": ""}
                for one in categories[1:]
            ],
            "exposures": [{"category": "exchange", "value": 424895.68, "exposureType": "direct"}],
            "triggers": [
                {
                    "category": "stolen funds",
                    "percentage": 1.5,
                    "message": "…",
                    "ruleTriggered": {"risk": "High", "minThreshold": 0},
                }
            ]
            if categories
            else [],
            "status": "COMPLETE",
        }

    def answer(self, request: HttpRequest) -> Any:
        wants(request, "GET")
        head, _, address = request.path.rpartition("/")
        if head == "/api/v1/address":
            if request.headers.get("x-api-key") != self.key:
                raise Refusal(401, "Unauthorized")
            return {"identifications": [_identified()] if address in self.sanctioned else []}
        if head == "/v2/entities":
            if request.headers.get("token") != self.key:
                raise Refusal(401, "Unauthorized")
            if address not in self.entities:
                raise Refusal(404, "Not Found")
            return self.entities[address]
        raise Refusal(404, "Not Found")


def _identified() -> dict[str, str]:
    return {
        "category": "sanctions",
        "name": "SANCTIONS: OFAC SDN Secondeye Solution 2021-04-15 " + SECONDEYE[2:],
        "description": f"Pakistan-based Secondeye Solution (SES), run by {PLANTED[0]} {PLANTED[1]}",
        "url": "https://home.treasury.gov/news/press-releases/jy0126",
    }
