"""The Civic Pass Customer API (docs.civic.com, its OpenAPI description 1.0.0)."""

from collections.abc import Mapping
from typing import Any, cast

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import ProviderDouble, Refusal, json_body, wants

STATES = ("ACTIVE", "REVOKED", "FROZEN", "REQUESTED", "REJECTED")


class CivicDouble(ProviderDouble):
    """`passes`: all that were issued, in the order in which they are listed."""

    grant = "json"
    audience = "https://api.civic.com/pass"

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[dict[str, Any]] = []

    def scope_wanted(self) -> Mapping[str, str]:
        return {"audience": self.audience}

    def issued(
        self,
        wallet: str,
        state: str = "ACTIVE",
        *,
        changed: int = 1677588899,
        network: str = "tgnuXXNMDLK8dy7Xm1TdeGyc95MDym4bvAQCwcW21Bf",
        chain: tuple[str, str] = ("ethereum", "mainnet"),
    ) -> None:
        self.passes.append(
            {
                "id": f"{len(self.passes):024x}",
                "chain": {"type": chain[0], "network": chain[1]},
                "gatekeeperNetwork": network,
                "walletAddress": wallet,
                "state": state,
                "onChainState": state if state != "REQUESTED" else "ACTIVE",
                "events": [
                    {
                        "eventType": "TOKEN_ISSUED",
                        "timestamp": changed,
                        "transaction": {"identifier": "0xabc", "status": "confirmed"},
                    }
                ],
            }
        )

    def answer(self, request: HttpRequest) -> Any:
        if request.path != "/partner/pass":
            raise Refusal(404, "Not Found")
        wants(request, "POST")
        self.bearer(request)
        sent = json_body(request)
        if not isinstance(sent, dict):
            raise Refusal(400, "Client error")
        body = cast("dict[str, Any]", sent)
        if set(body) - {"limit", "skip", "filter"}:
            raise Refusal(400, "Client error")
        limit, skip = body.get("limit", 20), body.get("skip", 0)
        if not isinstance(limit, int) or not isinstance(skip, int) or limit < 1 or skip < 0:
            raise Refusal(400, "Client error")
        if set(body.get("filter", {})) - {"state", "walletAddress"}:
            raise Refusal(400, "Client error")
        return {"records": self.passes[skip : skip + limit]}
