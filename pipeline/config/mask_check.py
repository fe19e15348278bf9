"""What is wrong with the masks of sinks that no single value shows."""

from collections.abc import Collection, Iterator

from pipeline.problems import Problem, did_you_mean, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: Sinks file documents, find copies and mark alerts by these.
GONE_BY = frozenset(
    (
        *("@timestamp", "ecs.version", "event.action", "event.created", "event.id", "event.kind"),
        *("event.ingested", "event.module", "event.original", "event.provider"),
        *("blockchain.block.hash", "blockchain.block.number", "blockchain.chain.id"),
        *("surveillance.alert.id", "surveillance.alert.status", "surveillance.level"),
    )
)
_HIDING = ("hash", "drop")


def mask_problems(root: Node, known_fields: Collection[str] | None) -> Iterator[Problem]:
    """All of them. ``known_fields``: the names that a mask may have; None: not known here."""
    for key in ("sinks", "notifications"):
        listed = root.get(key) if isinstance(root, MappingNode) else None
        for sink in listed.items if isinstance(listed, SequenceNode) else ():
            mask = sink.get("mask") if isinstance(sink, MappingNode) else None
            if isinstance(mask, MappingNode):
                yield from _mask(mask)
                yield from _fields(mask.get("fields"), known_fields)


def _mask(mask: MappingNode) -> Iterator[Problem]:
    chosen = {key.text: _word(value) for key, value in mask.pairs if key.text != "text"}
    listed = mask.get("fields")
    if isinstance(listed, MappingNode):
        chosen |= {key.text: _word(value) for key, value in listed.pairs}
    if "hash" in chosen.values() and mask.get("key") is None:
        yield mask.problem(
            "config/mask-key",
            "mask: without a key of its own a hash is soon undone by trying all values",
            expected="key: ${file:PATH} beside the classes, of 16 bytes or more",
        )
    if chosen.get("attribute") in _HIDING and _word(mask.get("text")) != "drop":
        yield mask.problem(
            "config/mask-text",
            "mask: reasons and messages may tell the jurisdiction, accreditation or label of "
            "somebody where no field of the document does",
            expected="text: drop beside attribute, where that must not be",
            severity="warning",
        )


def _fields(listed: Node | None, known: Collection[str] | None) -> Iterator[Problem]:
    if not isinstance(listed, MappingNode):
        return
    for key, value in listed.pairs:
        if key.text in GONE_BY and _word(value) in _HIDING:
            yield key.problem(
                "config/mask-field",
                f"mask: {key.text} can't be masked: sinks file and find documents by it",
                expected="another field",
            )
        elif known is not None and key.text not in known:
            yield key.problem(
                "config/mask-field",
                f"mask: {shown(key.text)} is no field of any record",
                expected="a name of docs/reference/fields.md",
                hint=did_you_mean(key.text, known),
            )


def _word(node: Node | None) -> str | None:
    return node.text if isinstance(node, ScalarNode) else None
