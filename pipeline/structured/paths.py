"""Paths in a file, which start from that file's folder."""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pipeline.file_meant import file_meant
from pipeline.problems import shown
from pipeline.structured.reader import Extra
from pipeline.structured.scalars import ScalarReader
from pipeline.structured.walk import Walk, Where
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning

FilePath = Path
"""A path, made absolute: relative ones start from the folder of the YAML file.

So do relative paths that are a field's default."""
ExistingPath = Annotated[Path, Meta(extra={"exists": True})]
"""The same, of a file or folder that must be there already."""


class PathReader(ScalarReader):
    """`FilePath` and `ExistingPath`."""

    def __init__(self, extra: Extra) -> None:
        self._exists = bool(extra.get("exists"))

    @property
    def expected(self) -> str:
        return "the path of a file or folder that exists" if self._exists else "a path"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode) or meaning(node) is None or not node.text.strip():
            return self.wrong_type(node, where, walk)
        text = node.text
        advice = "write the whole path, or one relative to this file" if text[0] == "~" else None
        if advice or "\0" in text or "${" in text:
            return walk.report(
                node,
                where,
                "config/path",
                f"{shown(text)} can't be a path: ~ and ${{...}} aren't expanded here",
                expected=self.expected,
                advice=advice,
            )
        path = absolute(Path(text), walk.folder)
        if self._exists and not _exists(path):
            return self._missing(path, node, where, walk)
        return path

    def _missing(self, path: Path, node: ScalarNode, where: Where, walk: Walk) -> object:
        meant = file_meant(path)
        return walk.report(
            node,
            where,
            "config/no-such-path",
            f"there is no {path}",
            expected=self.expected,
            hint=str(Path(node.text).with_name(meant.name)) if meant else None,
        )


def absolute(path: Path, folder: Path) -> Path:
    """`path` from `folder`, without `..`; symbolic links are left as they are."""
    # Not resolve(): what operators linked there must stay visible in messages.
    return Path(os.path.abspath(folder / path))  # noqa: PTH100


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True
