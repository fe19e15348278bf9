"""What of a sink's `retention` doesn't go together."""

from collections.abc import Iterator

from pipeline.problems import Problem
from pipeline.yaml_nodes import MappingNode, ScalarNode

_BY_ILM_ONLY = ("rollover_age", "rollover_size", "warm_after", "snapshot_policy")


def retention_problems(sink: MappingNode) -> Iterator[Problem]:
    """What only ILM can do, where something else is to do it."""
    retention = sink.get("retention")
    if not isinstance(retention, MappingNode):
        return
    by = retention.get("by")
    if not isinstance(by, ScalarNode) or by.text not in ("data_stream", "none"):
        return
    for key in _BY_ILM_ONLY:
        node = retention.get(key)
        if node is not None:
            yield node.problem(
                "config/retention",
                f"retention by {by.text} has no {key}: only ILM has",
                expected="by: ilm or auto, or none of these keys",
            )
