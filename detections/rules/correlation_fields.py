"""Which fields the events of a correlation's base rules can have."""

from collections.abc import Mapping

from detections.fields import FieldType, actions, taxonomy
from detections.rules.context import Context
from detections.rules.drafts import Draft
from detections.rules.model import CorrelationRule
from detections.rules.wording_slips import field_meant
from pipeline.problems import one_of, shown
from pipeline.yaml_nodes import MappingNode, ScalarNode, SequenceNode

_KEYWORD = FieldType("keyword", many=False)


def one_name(draft: Draft, node: ScalarNode, context: Context) -> str | None:
    """What the field at a node is called after the pipelines; None if it isn't one field."""
    names = context.names_of(draft, node.text)
    if len(names) > 1:
        message = f"a pipeline makes several fields of {node.text}: {one_of(names)}"
        draft.reading.report(node, "rule/pipeline", message, expected="one field")
    return names[0] if len(names) == 1 else None


def check_event_field(
    draft: Draft, node: ScalarNode, name: str, also: Mapping[str, object] | None = None
) -> FieldType | None:
    """What a field of the base rules' events holds; None if that isn't known.

    Reports a field that they can't have; `also` are other names that may stand here.
    """
    reading = draft.reading
    groups = {group for _, base in draft.bases for group in group_names(base)}
    if name in groups and name not in taxonomy():
        return _KEYWORD
    found = taxonomy().get(name)
    if found is None:
        if not reading.foreign:
            reading.report(
                node,
                "rule/unknown-field",
                f"no event has a field {shown(name)}",
                hint=field_meant(name, [*(also or ()), *groups, *taxonomy()]),
            )
        return None
    without = [base for _, base in draft.bases if not has_field(base, name)]
    if not without:
        return found
    missing = f"no event that {one_of([base.label for base in without])} matches has a field {name}"
    if len(without) == len(draft.bases):
        reading.report(node, "rule/field", missing)
    else:
        reading.report(
            node,
            "rule/ungrouped",
            f"{missing}: it doesn't count",
            severity="warning",
            advice="an alias can say which field it is for each rule",
        )
    return found


def has_field(base: Draft, name: str) -> bool:
    """Whether an event that the rule matches can have the field. True where that isn't known."""
    if base.actions is None or name in group_names(base):
        return True
    return any(name in actions()[one].attributes for one in base.actions)


def group_names(draft: Draft) -> tuple[str, ...]:
    """What a correlation groups by; nothing for other rules."""
    if isinstance(draft.rule, CorrelationRule):
        return draft.rule.correlation.group_by
    inner = draft.node.get("correlation")
    node = inner.get("group-by") if isinstance(inner, MappingNode) else None
    if node is None:
        return ()
    nodes = node.items if isinstance(node, SequenceNode) else [node]
    return tuple(one.text for one in nodes if isinstance(one, ScalarNode))
