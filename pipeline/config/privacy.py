"""Where what leads to persons is kept."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from pipeline.problems import Problem
from pipeline.structured import FilePath
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: Types of sources that give persons, and so pseudonyms.
OF_PERSONS = ("fractal", "jumio")


class Privacy(Struct, forbid_unknown_fields=True, kw_only=True):
    """Pseudonyms of persons."""

    #: Folder of their keys, which only its owner may read: of one machine, in no ordinary backup.
    path: FilePath

    @property
    def keys(self) -> Path:
        """The file with a key for each person."""
        return self.path / "people.json"

    @property
    def journal(self) -> Path:
        """The file that says who was erased, by whom, when and why."""
        return self.path / "erasures.jsonl"


def privacy_problems(root: Node) -> Iterator[Problem]:
    """A source of persons without a place for their keys."""
    if not isinstance(root, MappingNode) or root.get("privacy") is not None:
        return
    sources = root.get("sources")
    for source in sources.items if isinstance(sources, SequenceNode) else ():
        type_ = source.get("type") if isinstance(source, MappingNode) else None
        if isinstance(type_, ScalarNode) and type_.text in OF_PERSONS:
            yield type_.problem(
                "config/privacy",
                f"{type_.text} tells of persons, who need pseudonyms, and pseudonyms need keys",
                expected="privacy: {path: FOLDER} beside sources",
            )
