"""Endpoints as they may be shown: hosted nodes carry their API key in the path or the query."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

#: Parts of a path that say what the endpoint is. Any other may be a key and is not shown.
_HARMLESS = re.compile(r"v[0-9]{1,2}|ws|wss|rpc|api|eth|evm|feed|ext|bc|mainnet|testnet|")
_SHORTEST_SECRET = 4
_LONGEST_SHOWN = 500


def redacted(url: str) -> str:
    """The URL without what may be a secret: user, password, unknown path parts, query, fragment.

    ``wss://node.example/v3/0123abcd?key=x`` becomes ``wss://node.example/v3/…?…``.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "…"
    if not parts.scheme or not host:
        return "…"
    shown = f"{parts.scheme}://" + (f"[{host}]" if ":" in host else host)
    if port is not None:
        shown += f":{port}"
    if parts.path.strip("/"):
        shown += "/".join(_shown_part(part) for part in parts.path.split("/"))
    return shown + ("?…" if parts.query else "")


def scrubber(url: str) -> Callable[[str], str]:
    """A function that takes the URL and its possible secrets out of any text, and bounds it.

    For errors of libraries and of the other side, which like to quote what was asked.
    """
    secrets = sorted(_secrets(url), key=len, reverse=True)

    def scrub(text: str) -> str:
        text = text.replace(url, redacted(url))
        for secret in secrets:
            text = text.replace(secret, "…")
        return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"

    return scrub


def _shown_part(part: str) -> str:
    return part if _HARMLESS.fullmatch(part) else "…"


def _secrets(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        words = {parts.username or "", parts.password or "", parts.query, parts.fragment}
    except ValueError:
        return {url}
    words.update(part for part in parts.path.split("/") if not _HARMLESS.fullmatch(part))
    for pair in parts.query.split("&"):
        words.add(pair.partition("=")[2])
    return {word for word in words if len(word) >= _SHORTEST_SECRET}
