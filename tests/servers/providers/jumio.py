"""Jumio's Authorization and Retrieval API (documentation.jumio.ai)."""

import re
from typing import Any

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import PLANTED, ProviderDouble, Refusal, wants

_PATH = re.compile(r"/api/v1/accounts/([^/]+)/workflow-executions/([^/]+)")


class JumioDouble(ProviderDouble):
    """`done`: by account and workflow what the details are."""

    grant = "basic"
    token_path = "/oauth2/token"

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[tuple[str, str], dict[str, Any]] = {}

    def decided(
        self,
        account: str,
        workflow: str,
        decision: str = "PASSED",
        *,
        status: str = "PROCESSED",
        completed: str = "2026-03-08T18:28:44.684Z",
        country: str = "DEU",
    ) -> None:
        first, last, born, paper, street, mail, _, place, file = PLANTED
        self.done[account, workflow] = {
            "workflow": {
                "id": workflow,
                "status": status,
                "definitionKey": "10011",
                "userReference": mail,
                "customerInternalReference": f"{first} {last}",
            },
            "account": {"id": account},
            "createdAt": "2026-03-08T18:22:23.782Z",
            "startedAt": "2026-03-08T18:26:50.550Z",
            "completedAt": completed,
            "credentials": [{"id": "c1", "category": "ID", "parts": [{"classifier": file}]}],
            "decision": {"type": decision, "details": {"label": decision}, "risk": {"score": 0.0}},
            "capabilities": {
                "extraction": [
                    {
                        "id": "e1",
                        "decision": {"type": "PASSED", "details": {"label": "OK"}},
                        "data": {
                            "type": "PASSPORT",
                            "issuingCountry": "AUT",
                            "firstName": first,
                            "lastName": last,
                            "dateOfBirth": born,
                            "placeOfBirth": place,
                            "documentNumber": paper,
                            "expiryDate": "2031-07-09",
                            "address": {"line1": street, "country": country},
                        },
                    }
                ],
                "usability": [{"id": "u1", "decision": {"type": "PASSED"}}],
            },
        }

    def answer(self, request: HttpRequest) -> Any:
        wants(request, "GET")
        self.bearer(request)
        if "user-agent" not in request.headers:
            raise Refusal(403, "Forbidden")
        found = _PATH.fullmatch(request.path)
        if found is None or (found[1], found[2]) not in self.done:
            raise Refusal(404, "Not Found")
        return self.done[found[1], found[2]]
