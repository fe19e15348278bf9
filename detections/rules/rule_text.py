"""The text of files of rules as YAML: the same for whoever reads them, so that no command refuses
what another one takes."""

from pathlib import Path
from typing import Final

from pipeline.problems import Severity
from pipeline.yaml_source import Parsed, parse_bytes, read_file

#: How bad it is if there are characters that turn text, or show nothing: rules are also written in
#: languages that have them.
TURNING: Final[Severity] = "warning"


def read_rule_file(path: Path) -> Parsed:
    """The documents of a file of rules, exceptions or lists."""
    return read_file(path, turning=TURNING)


def parse_rule_file(data: bytes, *, name: str, folder: Path | None = None) -> Parsed:
    """The documents in the content of such a file."""
    return parse_bytes(data, name=name, folder=folder, turning=TURNING)
