"""What a test knows of an Elasticsearch: where it is, who may log in, and how to make a client."""

from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
from elasticsearch import AsyncElasticsearch, Elasticsearch


class ElasticsearchServer(msgspec.Struct, frozen=True, kw_only=True):
    """A running Elasticsearch. `url` never holds credentials."""

    url: str
    username: str | None = None
    password: str | None = None
    api_key: str | None = None

    @classmethod
    def from_url(cls, url: str, api_key: str | None = None) -> "ElasticsearchServer":
        """From a URL that may hold a user and a password, percent-encoded where need be."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the URL of an Elasticsearch must be http://host:port or https://…")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 9200)
        return cls(
            url=f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            api_key=api_key,
        )

    def client(self, **options: Any) -> Elasticsearch:
        """A blocking client; close it, or use it in a `with` statement."""
        return Elasticsearch(self.url, **self._log_in(options))

    def async_client(self, **options: Any) -> AsyncElasticsearch:
        """An asyncio client; close it, or use it in an `async with` statement."""
        options.setdefault("node_class", "httpxasync")  # the default needs aiohttp, which we don't
        return AsyncElasticsearch(self.url, **self._log_in(options))

    def _log_in(self, options: dict[str, Any]) -> dict[str, Any]:
        if "api_key" in options or "basic_auth" in options:
            return options
        if self.api_key is not None:
            return {"api_key": self.api_key, **options}
        if self.username is not None:
            return {"basic_auth": (self.username, self.password or ""), **options}
        return options

    def __repr__(self) -> str:
        return f"ElasticsearchServer(url={self.url!r})"
