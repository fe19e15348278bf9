"""The keys that a Struct gives a file, as cells of a table."""

import msgspec
from msgspec import Struct

from docs.generator.markdown import code
from pipeline.structured.options import Option
from pipeline.structured.options import options as plain_options


def options(cls: type[Struct]) -> list[Option]:
    """The keys of a Struct, in their order, their defaults as Markdown."""
    return [msgspec.structs.replace(one, default=_cell(one)) for one in plain_options(cls)]


def _cell(option: Option) -> str:
    if option.required:
        return "**required**"
    if option.default is None:
        return "none"
    return code(option.default) if option.default else ""


__all__ = ["Option", "options"]
