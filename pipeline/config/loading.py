"""``pipeline.yaml`` to :class:`Configuration`, with all that is wrong with it said at once."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.config.schema import Configuration
from pipeline.config.sources import CoinbaseSource, KrakenSource, ReplaySource
from pipeline.problems import Problem, ProblemsFound
from pipeline.structured import Resolve, examine
from pipeline.yaml_nodes import MappingNode, Node, SequenceNode

_VENUE_PROTOCOLS = ("coinbase", "kraken", "kraken-v1")


def load_configuration(
    path: Path, *, resolve: Resolve = "now", warnings: list[Problem] | None = None
) -> Configuration:
    """The configuration in a file. Raises :class:`ProblemsFound` with all that is wrong."""
    outcome = examine(path, Configuration, resolve=resolve)
    problems = list(outcome.problems)
    if outcome.value is not None:
        problems += _inconsistencies(outcome.value, outcome.node)
    if outcome.value is None or any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    if warnings is not None:
        warnings += problems
    return outcome.value


def _inconsistencies(config: Configuration, root: Node) -> Iterator[Problem]:
    """What no single value shows: names given twice, channels that need what isn't there."""
    yield from _repeated(root, "sources")
    yield from _repeated(root, "sinks", "notifications")
    for index, source in enumerate(config.sources):
        node = _item(root, "sources", index)
        if isinstance(source, KrakenSource) and "level3" in source.channels and not source.token:
            yield node.problem(
                "config/level3-token",
                f"source {source.name}: Kraken gives level3 only with a WebSocket token",
                expected="token: ${env:NAME} beside channels",
            )
        if isinstance(source, CoinbaseSource):
            given = [source.api_key, source.api_secret, source.passphrase]
            if any(given) and not all(given):
                yield node.problem(
                    "config/incomplete-credentials",
                    f"source {source.name}: Coinbase signs with three parts",
                    expected="api_key, api_secret and passphrase together",
                )
            if {"full", "level3"} & set(source.channels) and source.rest_url is None:
                yield node.problem(
                    "config/rest-url",
                    f"source {source.name}: after a gap the book is fetched by REST",
                    expected="rest_url, such as https://api.exchange.coinbase.com",
                )
        if (
            isinstance(source, ReplaySource)
            and source.protocol in _VENUE_PROTOCOLS
            and not source.venue
        ):
            yield node.problem(
                "config/replay-venue",
                f"source {source.name}: these frames don't say which venue they are of",
                expected="venue: the venue's name in the reference data",
            )


def _repeated(root: Node, *keys: str) -> Iterator[Problem]:
    places = [_name_node(root, key, index) for key in keys for index in range(_length(root, key))]
    seen: dict[str, Node] = {}
    for place in places:
        name = getattr(place, "text", None)
        if place is None or name is None:
            continue
        if name in seen:
            yield place.problem(
                "config/repeated-name",
                f"the name {name} is given twice: positions on the bus are kept by name",
                expected="another name",
                related=(seen[name].location,),
            )
        seen.setdefault(name, place)


def _length(root: Node, key: str) -> int:
    found = root.get(key) if isinstance(root, MappingNode) else None
    return len(found.items) if isinstance(found, SequenceNode) else 0


def _item(root: Node, key: str, index: int) -> Node:
    found = root.get(key) if isinstance(root, MappingNode) else None
    return found.items[index] if isinstance(found, SequenceNode) else root


def _name_node(root: Node, key: str, index: int) -> Node | None:
    item = _item(root, key, index)
    return item.get("name") if isinstance(item, MappingNode) else None
