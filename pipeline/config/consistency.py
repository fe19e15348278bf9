"""What no single value of the configuration shows: what must go together, and what must differ.

It looks at the document itself, not at the records that come from it, so that a file with other
mistakes is told about these as well, in the same run.
"""

from collections.abc import Iterator, Sequence

from pipeline.config.reference_consistency import reference_problems, table_problems
from pipeline.config.reports_consistency import report_problems
from pipeline.config.retention_check import retention_problems
from pipeline.config.schema import MAX_STORAGE, Streams
from pipeline.pending_payload import SUFFIX
from pipeline.problems import Problem, one_of, shown
from pipeline.units import UnitError, about_size, parse_size
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import meaning

STREAMS = ("raw", "events", "alerts", "dead", "reference", "cases")
_VENUE_PROTOCOLS = ("coinbase", "kraken", "kraken-v1")
#: https://apidoc.inx.co: "Websocket connections are limited to 5 subscriptions per key."
MOST_INX_SUBSCRIPTIONS = 5
_BOOK_CHANNELS = {"full", "level3"}


def inconsistencies(root: Node) -> Iterator[Problem]:
    """All of them, in no particular order."""
    yield from _repeated([*_items(root, "sources")])
    yield from _repeated([*_items(root, "sinks"), *_items(root, "notifications")])
    for source in _items(root, "sources"):
        yield from _source(source)
    for sink in _items(root, "sinks"):
        if _text(sink, "type") == "elasticsearch":
            yield from _together(sink, ("username", "password"), "Elasticsearch")
            yield from retention_problems(sink)
    yield from report_problems(root)
    yield from table_problems(root)
    bus = root.get("bus") if isinstance(root, MappingNode) else None
    if isinstance(bus, MappingNode):
        yield from _bus(bus)


def _bus(bus: MappingNode) -> Iterator[Problem]:
    if _text(bus, "type") == "embedded":
        yield from _storage(bus)
    yield from _together(bus, ("username", "password"), "NATS")
    ways = [key for key in ("credentials", "username", "token") if _given(bus, key)]
    if len(ways) > 1:
        yield bus.problem(
            "config/several-credentials",
            f"bus: {one_of(ways)}: only one way to log in can be used",
            expected="credentials, or username and password, or token",
        )
    tls = bus.get("tls")
    if isinstance(tls, MappingNode) and _given(tls, "key") and not _given(tls, "certificate"):
        yield tls.problem(
            "config/incomplete-credentials",
            "bus.tls: a key is of no use without its certificate",
            expected="certificate and key together",
        )


def _storage(bus: MappingNode) -> Iterator[Problem]:
    """JetStream keeps room for each stream's limit, and refuses to make one beyond its storage."""
    streams = bus.get("streams")
    limits = Streams()
    total = sum(
        _size(streams.get(name) if isinstance(streams, MappingNode) else None, "max_size")
        or getattr(limits, name).max_size
        for name in STREAMS
    )
    most = _size(bus, "max_storage") or MAX_STORAGE
    if total > most:
        place = streams if isinstance(streams, MappingNode) else bus
        yield place.problem(
            "config/storage",
            f"bus.streams may take {about_size(total)} together, more than bus.max_storage "
            f"({about_size(most)}): nats-server would refuse to make them",
            expected="smaller max_size of the streams, or a larger bus.max_storage",
        )


def _size(node: Node | None, key: str) -> int | None:
    """The size at a key; None where there is none, or none that can be read."""
    text = _text(node, key) if isinstance(node, MappingNode) else None
    try:
        return parse_size(text) if text is not None else None
    except UnitError:
        return None


def _source(source: MappingNode) -> Iterator[Problem]:
    name = _text(source, "name") or "without name"
    match _text(source, "type"):
        case "kraken":
            if "level3" in _texts(source, "channels", ()) and not _given(source, "token"):
                yield source.problem(
                    "config/level3-token",
                    f"source {name}: Kraken gives level3 only with a WebSocket token",
                    expected="token: ${env:NAME} beside channels",
                )
        case "inx":
            count = len(_texts(source, "markets", ())) * len(
                _texts(source, "channels", ("book", "trades"))
            )
            if count > MOST_INX_SUBSCRIPTIONS:
                yield source.problem(
                    "config/inx-subscriptions",
                    f"source {name}: {count} subscriptions, of each channel for each market, but a "
                    f"key of INX allows {MOST_INX_SUBSCRIPTIONS}",
                    expected="fewer markets or channels, and another source with a key of its own",
                )
        case "fix_drop_copy" | "fix_market_data":
            yield from _together(source, ("username", "password"), f"source {name}: FIX")
            yield from _fix_tls(source, name)
        case "coinbase":
            yield from _together(
                source, ("api_key", "api_secret", "passphrase"), f"source {name}: Coinbase"
            )
            channels = _texts(source, "channels", ("full",))
            if _BOOK_CHANNELS & set(channels) and not _given(source, "rest_url"):
                yield source.problem(
                    "config/rest-url",
                    f"source {name}: after a gap the book is fetched by REST",
                    expected="rest_url, such as https://api.exchange.coinbase.com",
                )
        case "replay":
            protocol = _text(source, "protocol")
            if protocol in _VENUE_PROTOCOLS and not _given(source, "venue"):
                yield source.problem(
                    "config/replay-venue",
                    f"source {name}: these frames don't say which venue they are of",
                    expected="venue: the venue's name in the reference data",
                )
        case "lunarcrush":
            yield from _lunarcrush_topics(source, name)
        case "reference_file" | "reference_sql" | "reference_http":
            yield from reference_problems(source)
        case _:
            pass


def _lunarcrush_topics(source: MappingNode, name: str) -> Iterator[Problem]:
    """Two topics of a token would be one feed, whose hours are now the one's, now the other's."""
    seen: dict[tuple[str, str], Node] = {}
    for topic in _items(source, "topics"):
        for key in ("topic", "token"):
            place = topic.get(key)
            if not isinstance(place, ScalarNode):
                continue
            known = seen.setdefault((key, place.text), place)
            if known is not place:
                yield place.problem(
                    "config/repeated-topic",
                    f"source {name}: the {key} {shown(place.text)} is there twice, and each topic "
                    "is the feed of one token",
                    expected=f"another {key}, or another source for it",
                    related=(known.location,),
                )


def _fix_tls(source: MappingNode, name: str) -> Iterator[Problem]:
    given = [key for key in ("ca_certificate", "certificate", "key") if _given(source, key)]
    if _text(source, "tls") == "false" and given:
        yield source.problem(
            "config/fix-tls",
            f"source {name}: {one_of(given)} is of no use with tls: false",
            expected="tls: true, or no certificates",
        )
    if _given(source, "key") and not _given(source, "certificate"):
        yield source.problem(
            "config/incomplete-credentials",
            f"source {name}: a key is of no use without its certificate",
            expected="certificate and key together",
        )


def _together(node: MappingNode, keys: Sequence[str], who: str) -> Iterator[Problem]:
    missing = [key for key in keys if not _given(node, key)]
    if missing and len(missing) < len(keys):
        yield node.problem(
            "config/incomplete-credentials",
            f"{who} can't log in without {' and '.join(missing)}",
            expected=f"{', '.join(keys[:-1])} and {keys[-1]} together, or none of them",
        )


def _repeated(items: Sequence[MappingNode]) -> Iterator[Problem]:
    seen: dict[str, Node] = {}
    for item in items:
        place = item.get("name")
        if not isinstance(place, ScalarNode):
            continue
        # A chain's pending transactions are a source of their own, which nobody writes down.
        names = [place.text, place.text + SUFFIX] if _pending(item) else [place.text]
        for name in names:
            if name in seen:
                yield place.problem(
                    "config/repeated-name",
                    f"the name {name} is given twice: positions on the bus are kept by name",
                    expected="another name",
                    related=(seen[name].location,),
                )
            seen.setdefault(name, place)


def _pending(source: MappingNode) -> bool:
    return _text(source, "type") == "evm" and _text(source, "pending") == "true"


def _items(root: Node, key: str) -> Iterator[MappingNode]:
    found = root.get(key) if isinstance(root, MappingNode) else None
    if isinstance(found, SequenceNode):
        yield from (item for item in found.items if isinstance(item, MappingNode))


def _given(node: MappingNode, key: str) -> bool:
    found = node.get(key)
    return found is not None and not (
        isinstance(found, ScalarNode) and found.plain and meaning(found) is None
    )


def _text(node: MappingNode, key: str) -> str | None:
    found = node.get(key)
    return found.text if isinstance(found, ScalarNode) else None


def _texts(node: MappingNode, key: str, default: Sequence[str]) -> Sequence[str]:
    found = node.get(key)
    if not isinstance(found, SequenceNode):
        return default
    return [item.text for item in found.items if isinstance(item, ScalarNode)]
