"""What a person fills in beside a report: the parts that several forms share.

Each form is a record of its own, so that a YAML file that lacks something, or has it in another
form than the authority's, is told by file, line and column.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from pipeline.yaml_nodes import MappingNode, Node, SequenceNode

Form = Literal["fincen-sar", "goaml", "stor"]
FORMS: tuple[Form, ...] = ("fincen-sar", "goaml", "stor")


def limited(most: int, what: str = "") -> Meta:
    """A text of one to so many characters."""
    return Meta(min_length=1, max_length=most, description=what or None)


Text = Annotated[str, Meta(min_length=1, max_length=255)]
#: It names files: no path.
CaseId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)",
        description="the case's id, such as TW-1A2B3C",
    ),
]
Day = Annotated[
    str,
    Meta(
        pattern=r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$(?!\n)",
        description="a day such as 2026-11-26",
    ),
]
Country = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="two capital letters (ISO 3166-1)")
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="three capital letters (ISO 4217)")
]
Lei = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]{18}[0-9]{2}$(?!\n)", description="20 characters (ISO 17442)")
]
Email = Annotated[
    str, Meta(pattern=r"^[^\s<>@]+@[A-Za-z0-9.-]+$(?!\n)", max_length=254, description="an address")
]


class Template(Struct, frozen=True, kw_only=True):
    """A file to be filled in."""

    #: Values by name, nested; None is left open.
    values: Mapping[str, Any]
    #: What is wanted, by the path of names (`institution.tin`; items of lists by their list).
    wanted: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Stands above all.
    head: Sequence[str] = ()


def written(template: Template) -> str:
    """The file as YAML. Values are written as JSON, which is YAML too."""
    lines = [f"# {one}".rstrip() for one in template.head]
    lines += ["", *_block(template.values, "", 0, template.wanted)]
    return "\n".join(lines) + "\n"


def _block(
    values: Mapping[str, Any], path: str, depth: int, wanted: Mapping[str, str]
) -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        here = f"{path}.{name}" if path else name
        comment = f"  # {wanted[here]}" if here in wanted else ""
        lines += _entry(f"{'  ' * depth}{name}:", value, here, depth, wanted, comment)
    return lines


def _entry(
    start: str, value: Any, path: str, depth: int, wanted: Mapping[str, str], comment: str
) -> list[str]:
    if isinstance(value, Mapping):
        inner: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [f"{start}{comment}", *_block(inner, path, depth + 1, wanted)]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        lines = [f"{start}{comment}"]
        items: list[Mapping[str, Any]] = value  # pyright: ignore[reportUnknownVariableType]
        for item in items:
            block = _block(item, path, depth + 2, wanted)
            lines += [f"{'  ' * (depth + 1)}- {block[0].lstrip()}", *block[1:]]
        return lines
    if isinstance(value, str) and "\n" in value:
        indent = "  " * (depth + 1)
        told = [f"{indent}{line}".rstrip() for line in value.split("\n")]
        return [f"{start} |-{comment}", *told]
    text = "" if value is None else f" {scalar(value)}"
    return [f"{start}{text}{comment}"]


def scalar(value: Any) -> str:
    """A value on one line. What can't be seen, which a source may have put into an account's name,
    is escaped: a YAML file with it is refused."""
    text = msgspec.json.encode(value).decode()
    return "".join(one if one.isprintable() else _escaped(ord(one)) for one in text)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def builtins(value: Any) -> Any:
    """A record as what a template holds."""
    return msgspec.to_builtins(value)


def at(node: Node, *path: str | int) -> Node:
    """The node at a path, as far as it is there."""
    here = node
    for name in path:
        found = None
        if isinstance(here, MappingNode) and isinstance(name, str):
            found = here.get(name)
        elif isinstance(here, SequenceNode) and isinstance(name, int) and name < len(here.items):
            found = here.items[name]
        if found is None:
            return here
        here = found
    return here
