"""LunarCrush's API, version 4, as far as the collector asks it: `Topic Time Series v2`.

Written from its public documents (lunarcrush.com/developers/api, lunarcrush.ai/llms.txt), and
strict about them: the bearer key, the form of a topic, the parameters, the limit of requests. The
answers have the documents' own fields, prices and scores among them. It is test code, and not
LunarCrush.
"""

import re
from typing import Any
from urllib.parse import unquote

from tests.servers.loopback_http import HttpRequest
from tests.servers.providers.double import ProviderDouble, Refusal, wants

HOUR = 3_600
_PATH = re.compile(r"/api4/public/topic/([^/]+)/time-series/v2")
_TOPIC = re.compile(r"[a-z0-9 #$]+")


class LunarCrushDouble(ProviderDouble):
    """`hours` by topic; `key` opens it. `guest`: numbers are left out, as without a plan."""

    def __init__(self) -> None:
        super().__init__()
        self.key = "key-" + self.client_secret
        self.hours: dict[str, list[dict[str, Any]]] = {}
        self.guest = False

    @property
    def base(self) -> str:
        """The base URL."""
        return f"{self.url}/api4/public"

    def post(self, topic: str, hour: int, posts: int, **more: Any) -> None:
        """So much was posted in an hour, which begins at so many seconds since 1970."""
        self.hours.setdefault(topic, []).append(
            {
                "time": hour,
                "contributors_active": 12 * posts,
                "contributors_created": max(1, posts // 2),
                "interactions": 1_600 * posts,
                "posts_active": 25 * posts,
                "posts_created": posts,
                "sentiment": 78,
                "spam": 3,
                "alt_rank": 198,
                "close": 123004.71,
                "galaxy_score": 56,
                **more,
            }
        )

    def answer(self, request: HttpRequest) -> Any:
        wants(request, "GET")
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(401, "Unauthorized")
        found = _PATH.fullmatch(request.path)
        topic = unquote(found[1]) if found else ""
        if set(request.query) - {"bucket", "interval", "start", "end"}:
            raise Refusal(400, "unknown parameter")
        if not _TOPIC.fullmatch(topic):
            raise Refusal(400, "A topic must be all lower case")
        if topic not in self.hours:
            raise Refusal(404, "Not Found")
        hours = self.hours[topic]
        if self.guest:
            hours = [{"time": one["time"]} for one in hours]
        return {
            "config": {"topic": topic, "id": topic, "interval": "1w", "bucket": "hour"},
            "data": hours,
        }
