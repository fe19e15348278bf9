"""Spaces and the status of Kibana (`/api/spaces/space`, `/api/status`)."""

import re

from msgspec import Struct, field

from tests.servers.kibana.double import Answer, Call, Refusal, Route


class SpaceRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of `POST /api/spaces/space`."""

    id: str
    name: str
    description: str = ""
    color: str | None = None
    initials: str | None = None
    image_url: str | None = field(default=None, name="imageUrl")
    disabled_features: list[str] = field(default_factory=list[str], name="disabledFeatures")
    solution: str | None = None


class Spaces:
    """`/api/status` and `/api/spaces/space`."""

    def __init__(self) -> None:
        self.spaces: dict[str, SpaceRequest] = {"default": SpaceRequest(id="default", name="Def")}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/status", self.status),
            Route("GET", "/api/spaces/space/{id}", self.get),
            Route("POST", "/api/spaces/space", self.create),
        ]

    def status(self, call: Call) -> Answer:
        version = call.kibana.version.partition("-")
        return Answer(
            200,
            {
                "name": "double",
                "uuid": "5b2de169-2785-441b-ae8c-186a1936b17d",
                "version": {
                    "number": version[0],
                    "build_hash": "0" * 40,
                    "build_number": 1,
                    "build_snapshot": bool(version[2]),
                    "build_flavor": "traditional",
                    "build_date": "2026-07-01T00:00:00.000Z",
                },
                "status": {"overall": {"level": "available", "summary": "All is well"}},
            },
        )

    def get(self, call: Call) -> Answer:
        found = self.spaces.get(call.parameters["id"])
        if found is None:
            raise Refusal(404, "Not Found")
        return Answer(200, found)

    def create(self, call: Call) -> Answer:
        asked = call.json(SpaceRequest)
        if not re.fullmatch(r"[a-z0-9_-]+", asked.id):
            raise Refusal(400, "[request body.id]: must be lower case, a-z, 0-9, '_', and '-'")
        if asked.id in self.spaces:
            raise Refusal(409, f"A space with the identifier {asked.id} already exists.")
        self.spaces[asked.id] = asked
        return Answer(200, asked)
