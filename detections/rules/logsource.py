"""What a rule's events come from."""

import msgspec

from detections.fields import shapes
from detections.rules.document import OURS, Logsource, Reading
from normalizer.events import ChainEvent, ChainStateRecord, PendingEvent
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode

_CHAIN, _VENUE = "chain", "venue"
SERVICES = (_CHAIN, _VENUE)
"""Of our own records: events of chains, and of venues."""


class LogSource(msgspec.Struct, frozen=True):
    """A log source as far as filters compare it."""

    category: str | None = None
    product: str | None = None
    service: str | None = None

    @classmethod
    def of(cls, document: MappingNode) -> "LogSource":
        """That of a document; what can't be read is left out."""
        node = document.get("logsource")
        if not isinstance(node, MappingNode):
            return cls()
        found = [node.get(key) for key in ("category", "product", "service")]
        return cls(*(one.text if isinstance(one, ScalarNode) else None for one in found))

    def covers(self, other: "LogSource") -> bool:
        """Whether the other has all that this one says."""
        return (
            self.category in (None, other.category)
            and self.product in (None, other.product)
            and self.service in (None, other.service)
        )


def is_foreign(document: MappingNode) -> bool:
    """Whether a document is for log sources of others, whose fields we don't know."""
    logsource = document.get("logsource")
    if not isinstance(logsource, MappingNode):
        return False
    product = logsource.get("product")
    if product is None:
        if any(_is_misspelt(key.text) for key, _ in logsource.pairs):
            return False  # which reading it tells
        service = logsource.get("service")
        # One of our services without the product was forgotten, not meant for others.
        ours = isinstance(service, ScalarNode) and service.text in SERVICES
        return bool(logsource.pairs) and not ours
    if not isinstance(product, ScalarNode):
        return False
    return product.text != OURS and did_you_mean(product.text, [OURS]) is None


def _is_misspelt(key: str) -> bool:
    """Whether a key of a log source was probably meant to be another one."""
    known = Logsource.__struct_fields__
    return key not in known and did_you_mean(key, known) is not None


def service_of(action: str) -> str:
    """The service that records with this `event.action` belong to."""
    (record,) = (record for record, shape in shapes().items() if shape.action == action)
    of_chains = ChainEvent | ChainStateRecord | PendingEvent
    return _CHAIN if issubclass(record, of_chains) else _VENUE


def read_logsource(reading: Reading) -> LogSource:
    """The log source of the document. Reports what is wrong with it."""
    node = reading.node.get("logsource")
    if node is None:
        reading.report(
            reading.node,
            "rule/missing-key",
            'the key "logsource" is missing',
            expected=f"where its events come from: product: {OURS}",
        )
    elif not reading.foreign:
        outcome = examine(node, Logsource)
        reading.problems += outcome.problems
        if outcome.value is not None:
            _check_ours(reading, node, outcome.value)
    return LogSource.of(reading.node)


def _check_ours(reading: Reading, node: Node, logsource: Logsource) -> None:
    def at(key: str) -> Node:
        return (node.get(key) if isinstance(node, MappingNode) else None) or node

    if logsource.product not in (None, OURS):
        message = f"{shown(logsource.product or '')} is no product"
        reading.report(at("product"), "rule/logsource", message, hint=OURS)
    service = logsource.service
    if logsource.product is None and service in SERVICES:
        message = f"the service {service} is of our own events, and their product is missing"
        reading.report(at("service"), "rule/logsource", message, expected=f"product: {OURS}")
    if service is not None and service not in SERVICES:
        reading.report(
            at("service"),
            "rule/logsource",
            f"our own events have no service {shown(service)}",
            expected=one_of(SERVICES),
            hint=did_you_mean(service, SERVICES),
        )


def check_service(reading: Reading, logsource: LogSource, actions: frozenset[str]) -> None:
    """Warn where the events that a rule can match are of another service than it says."""
    service = logsource.service
    if service not in SERVICES or not actions:
        return
    others = sorted(action for action in actions if service_of(action) != service)
    if len(others) < len(actions):
        return
    node = reading.node.get("logsource")
    place = node.get("service") if isinstance(node, MappingNode) else None
    reading.report(
        place or reading.key("logsource"),
        "rule/logsource",
        f"{one_of(others)} events are of the service {service_of(others[0])}, not {service}",
        severity="warning",
        hint=service_of(others[0]),
    )
