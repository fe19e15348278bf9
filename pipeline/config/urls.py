"""Whether a URL of the configuration is of the kind that is asked for there.

An address without its scheme, or that of another interface, would only be told when it is first
used, and by words of the client's.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pipeline.problems import Problem
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning

Scheme = Literal["http", "ws"]

#: By the type of a source, sink, notification or way for reports: keys that hold a URL, or a list.
KEYS: Mapping[str, Mapping[str, Scheme]] = {
    "evm": {"endpoints": "ws"},
    "subgraph": {"url": "http"},
    "coinbase": {"url": "ws", "rest_url": "http"},
    "kraken": {"url": "ws"},
    "inx": {"url": "ws", "rest_url": "http"},
    "archax": {"url": "ws", "rest_url": "http"},
    "lunarcrush": {"url": "http"},
    "reference_http": {"url": "http"},
    "ofac": {"url": "http"},
    "fractal": {"url": "http", "token_url": "http"},
    "jumio": {"url": "http", "token_url": "http"},
    "civic": {"url": "http", "token_url": "http"},
    "chainalysis": {"url": "http"},
    "trm": {"url": "http"},
    "elasticsearch": {"urls": "http"},
    "splunk_hec": {"url": "http"},
    "webhook": {"url": "http"},
    "slack": {"url": "http"},
    "pagerduty": {"url": "http"},
    "https": {"url": "http"},
}
_OF_SOLANA: Mapping[str, Scheme] = {"rpc": "http", "websocket": "ws"}
_NAME = re.compile(r"[\w.-]+(?::[0-9]{1,5})?")
_NEAR = re.compile(r"(?:localhost|127\.[0-9.]+)(?::|$)")
_HOST = re.compile(r"[a-z]+://[^/?#\s]+", re.IGNORECASE)


def url_problems(root: Node) -> Iterator[Problem]:
    """All of them."""
    if not isinstance(root, MappingNode):
        return
    for section in ("sources", "sinks", "notifications"):
        for item in _items(root.get(section)):
            yield from _typed(item)
    reports = root.get("reports")
    for way in _items(reports.get("transports") if isinstance(reports, MappingNode) else None):
        yield from _typed(way)
    kibana = root.get("kibana")
    if isinstance(kibana, MappingNode):
        yield from _of(kibana, {"url": "http"}, "kibana: ")


def _typed(item: MappingNode) -> Iterator[Problem]:
    type_, name = item.get("type"), item.get("name")
    if not isinstance(type_, ScalarNode):
        return
    who = f"{name.text if isinstance(name, ScalarNode) else type_.text}: "
    if type_.text == "solana":
        for endpoint in _items(item.get("endpoints")):
            yield from _of(endpoint, _OF_SOLANA, who)
    yield from _of(item, KEYS.get(type_.text, {}), who)


def _of(node: MappingNode, keys: Mapping[str, Scheme], who: str) -> Iterator[Problem]:
    for key, scheme in keys.items():
        found = node.get(key)
        for url in found.items if isinstance(found, SequenceNode) else (found,):
            if isinstance(url, ScalarNode) and not _is_right(url, scheme):
                yield _problem(url, scheme, f"{who}{key}")


def _is_right(url: ScalarNode, scheme: Scheme) -> bool:
    text = url.text
    if not text or (url.plain and meaning(url) is None):
        return True  # nothing, which is told where it must not be
    if text.startswith("${"):
        return True  # a secret, which is looked at when it is used
    begins = text.lower().startswith((f"{scheme}://", f"{scheme}s://"))
    return begins and _HOST.match(text) is not None


def _problem(url: ScalarNode, scheme: Scheme, what: str) -> Problem:
    plain = _NAME.fullmatch(url.text) is not None
    near = _NEAR.match(url.text) is not None
    shown = {url.line: [(url.column - 1, url.column - 1 + url.length)]}
    return Problem(
        location=url.location,
        code="config/url",
        message=f"{what} begins with {scheme}s:// or {scheme}://, and a host's name follows",
        expected=f"{scheme}s://host.example, or ${{env:NAME}}",
        hint=f"{scheme}{'' if near else 's'}://{url.text}" if plain else None,
        # What stands behind the host may be a key.
        context=url.source.excerpt(url.line, url.column, url.length, None if plain else shown),
    )


def _items(node: Node | None) -> Iterator[MappingNode]:
    if isinstance(node, SequenceNode):
        yield from (item for item in node.items if isinstance(item, MappingNode))
