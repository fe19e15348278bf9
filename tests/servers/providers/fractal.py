"""Fractal ID (github.com/trustfractal/id-integration-docs: Client authorization, Application
statistics, User information retrieval)."""

from collections.abc import Mapping
from typing import Any

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import PLANTED, ProviderDouble, Refusal, wants


class FractalDouble(ProviderDouble):
    """`statuses`: rows of the statistics. `users`: by access token what `users/me` answers."""

    grant = "form"
    token_life = 7200

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[dict[str, str]] = []
        self.users: dict[str, dict[str, Any]] = {}

    def scope_wanted(self) -> Mapping[str, str]:
        return {"scope": "client.stats:read"}

    def verified(self, uid: str, level: str = "plus+selfie", credential: str = "approved") -> None:
        self.statuses.append({"user_id": uid, "level": level, "credential": credential})

    def shared(self, token: str, uid: str, *, country: str = "DE", wallet: str = "") -> None:
        """A user who has authorised the application: all that Fractal then tells."""
        first, last, born, paper, street, mail, phone, place, file = PLANTED
        self.users[token] = {
            "emails": [{"address": mail}],
            "phones": [{"number": phone}],
            "uid": uid,
            "wallets": [
                {"id": "w1", "address": wallet, "currency": "eth", "verified": True},
                {"id": "w2", "address": "bc1q" + "x" * 38, "currency": "btc", "verified": True},
                {"id": "w3", "address": "0x" + "9" * 40, "currency": "eth", "verified": False},
            ],
            "verification_cases": [
                {
                    "id": "case-1",
                    "level": "plus+accreditation",
                    "journey_completed": True,
                    "status": "done",
                    "credential": "approved",
                    "details": {
                        "residential_address_country": country,
                        "residential_address_proof_file": file,
                        "residential_address": street,
                        "residential_address_proof_date_of_expiry": "2028-01-31",
                        "identification_document_type": "passport",
                        "place_of_birth": place,
                        "date_of_birth": born,
                        "full_name": f"{first} {last}",
                        "identification_document_country": "AT",
                        "identification_document_number": paper,
                        "identification_document_date_of_expiry": "2027-05-01",
                    },
                },
                {"level": "plus+selfie", "status": "pending", "credential": "pending"},
            ],
        }

    def answer(self, request: HttpRequest) -> Any:
        wants(request, "GET")
        if request.path == "/v2/stats/user-verifications":
            self.bearer(request)
            return self.statuses
        if request.path == "/v2/users/me":
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.users:
                raise Refusal(401, "The access token is invalid")
            return self.users[token]
        raise Refusal(404, "Not Found")
