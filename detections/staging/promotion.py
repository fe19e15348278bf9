"""A staged rule goes live: the key `staged` leaves its file, and nothing else in it changes."""

from msgspec import Struct

from detections.rules.document import content_hash
from detections.rules.rule_text import parse_rule_file
from detections.staging.rule_file import without_key
from pipeline.yaml_nodes import MappingNode, ScalarNode

_KEY = "staged"


class CannotPromote(Exception):
    """The file can't be changed safely; the text says why and what to do."""


class Promotion(Struct, frozen=True):
    """A file before and after."""

    before: bytes
    after: bytes


def promoted(data: bytes, document: int, name: str) -> Promotion:
    """The file's content without the line that stages one of its documents (counted from 0).

    Raises CannotPromote, also where anything but that key would change.
    """
    documents = parse_rule_file(data, name=name).documents
    node = documents[document]
    assert isinstance(node, MappingNode)
    pair = next(((key, value) for key, value in node.pairs if key.text == _KEY), None)
    if pair is None or not isinstance(pair[1], ScalarNode) or pair[1].text.lower() != "true":
        raise CannotPromote(f"{node.location}: the rule isn't staged: it is live already")
    key, value = pair
    lines = data.splitlines(keepends=True)
    after = b"".join([*lines[: key.line - 1], *lines[value.end_line :]])
    wanted = [*documents[:document], without_key(node, _KEY), *documents[document + 1 :]]
    found = parse_rule_file(after, name=name).documents
    if list(map(content_hash, found)) != list(map(content_hash, wanted)):
        raise CannotPromote(
            f"{key.location}: more than `staged: true` stands on this line: remove it by hand"
        )
    return Promotion(data, after)
