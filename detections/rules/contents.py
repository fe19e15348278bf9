"""What rule files hold besides rules that alert: counted, for people to see that it was read."""

from collections.abc import Iterable

from detections.rules.files import content_of
from pipeline.yaml_nodes import MappingNode
from pipeline.yaml_source import Parsed


def count_others(files: Iterable[Parsed]) -> dict[str, int]:
    """Filters and lists, by what one is called."""
    filters = lists = 0
    for parsed in files:
        for node in parsed.documents:
            if not isinstance(node, MappingNode):
                continue
            if content_of(parsed.source.name) == "rules":
                filters += node.get("filter") is not None and node.get("correlation") is None
            elif isinstance(of := node.get("lists"), MappingNode):
                lists += len(of.pairs)
    return {"filter": filters, "list": lists}
