"""Keys and types of a correlation by the names that other tools have for them."""

from collections.abc import Mapping

import msgspec

from detections.rules.document import Reading
from pipeline.problems import shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode

_KEYS: Mapping[str, str] = dict.fromkeys(
    ("timeframe", "window", "within", "period", "interval", "duration"), "timespan"
)
_TYPES: Mapping[str, str] = {
    "count": "event_count",
    "events": "event_count",
    "distinct": "value_count",
    "distinct_count": "value_count",
    "cardinality": "value_count",
    "sum": "value_sum",
    "avg": "value_avg",
    "average": "value_avg",
    "mean": "value_avg",
    "median": "value_median",
    "percentile": "value_percentile",
    "sequence": "temporal_ordered",
    "ordered": "temporal_ordered",
}


def in_our_words(reading: Reading, node: MappingNode) -> MappingNode:
    """The correlation with what was meant, so that reading goes on. Reports each other name."""
    pairs = [_pair(reading, node, key, value) for key, value in node.pairs]
    return msgspec.structs.replace(node, pairs=pairs)


def _pair(
    reading: Reading, node: MappingNode, key: ScalarNode, value: Node
) -> tuple[ScalarNode, Node]:
    meant = _KEYS.get(key.text)
    if meant is not None and node.get(meant) is None:
        message = f"the key {shown(key.text)} isn't known in a correlation"
        reading.report(key, "rule/correlation-key", message, hint=meant)
        return msgspec.structs.replace(key, text=meant), value
    type_ = _TYPES.get(value.text) if isinstance(value, ScalarNode) else None
    if key.text == "type" and isinstance(value, ScalarNode) and type_ is not None:
        message = f"{shown(value.text)} is no type of a correlation"
        reading.report(value, "rule/correlation-type", message, hint=type_)
        return key, msgspec.structs.replace(value, text=type_)
    return key, value
