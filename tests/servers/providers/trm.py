"""TRM Labs: the Sanctions API (docs.trmlabs.com/api/sanctions) and Wallet Screening, whose
documents need a login: its form is that of answers which users of it have published."""

import base64
from typing import Any, cast

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import PLANTED, ProviderDouble, Refusal, json_body, wants

LABELS = {15: "Severe", 10: "High", 5: "Medium", 1: "Low", 0: "Unknown"}


class TrmDouble(ProviderDouble):
    """`sanctioned` addresses, and `indicators` and `entities` by address, in lower case."""

    most_addresses = 50

    def __init__(self) -> None:
        super().__init__()
        self.key = "key-" + self.client_secret
        self.sanctioned: set[str] = set()
        self.indicators: dict[str, list[dict[str, Any]]] = {}
        self.entities: dict[str, list[dict[str, Any]]] = {}

    def indicated(self, address: str, level: int, category: str, kind: str = "OWNERSHIP") -> None:
        self.indicators.setdefault(address, []).append(
            {
                "category": category,
                "categoryId": "68",
                "categoryRiskScoreLevel": level,
                "categoryRiskScoreLevelLabel": LABELS[level],
                "incomingVolumeUsd": "0",
                "outgoingVolumeUsd": "7.10",
                "riskType": kind,
                "totalVolumeUsd": "7.10",
            }
        )

    def owned(self, address: str, level: int, category: str) -> None:
        self.entities.setdefault(address, []).append(
            {
                "category": category,
                "categoryId": "69",
                "entity": f"{PLANTED[0]} {PLANTED[1]}",
                "riskScoreLevel": level,
                "riskScoreLevelLabel": LABELS[level],
                "trmAppUrl": "https://my.trmlabs.com/x",
                "trmUrn": "/entity/manual/x",
            }
        )

    def answer(self, request: HttpRequest) -> Any:
        wants(request, "POST")
        login = base64.b64encode(f"{self.key}:{self.key}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            raise Refusal(401, "Unauthorized")
        asked = json_body(request)
        if not isinstance(asked, list) or not 0 < len(cast("list[Any]", asked)) <= 50:
            raise Refusal(400, "Bad Request")
        items = cast("list[dict[str, Any]]", asked)
        if request.path == "/public/v1/sanctions/screening":
            if any(set(one) != {"address"} for one in items):
                raise Refusal(400, "Bad Request")
            return [
                {"address": one["address"], "isSanctioned": one["address"] in self.sanctioned}
                for one in items
            ]
        if request.path == "/public/v2/screening/addresses":
            return [self._screened(one) for one in items]
        raise Refusal(404, "Not Found")

    def _screened(self, one: dict[str, Any]) -> dict[str, Any]:
        if set(one) - {"address", "chain", "accountExternalId"} or "chain" not in one:
            raise Refusal(400, "Bad Request")
        address = one["address"].lower() if one["chain"] != "solana" else one["address"]
        return {
            "accountExternalId": one.get("accountExternalId"),
            "address": address,
            "addressSubmitted": one["address"],
            "chain": one["chain"],
            "addressRiskIndicators": self.indicators.get(address, []),
            "entities": self.entities.get(address, []),
            "trmAppUrl": "https://my.trmlabs.com/x",
        }
