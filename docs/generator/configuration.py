"""``configuration.md``: every key of ``pipeline.yaml``, from the Structs that read it."""

from collections.abc import Iterator

from msgspec import Struct

from docs.generator.markdown import anchor, code, document, sentence, table
from docs.generator.options import Option, options
from pipeline.config.schema import Configuration

_INTRODUCTION = """\
Every key of `pipeline.yaml`. The file itself, commented, is [pipeline.yaml](../../pipeline.yaml).

Durations have units: `250ms`, `5s`, `10m`, `1h30m`, `7d`. So have sizes: `64MiB` is a power of
1024, `10GB` of 1000. A number without a unit is an error. Relative paths start from the file's
folder.
A secret is never written into the file but referred to: `${env:NAME}` or `${file:PATH}`.
Where the default of a group is empty, each of its keys has its own default.

What may stand at a key is said here in the words of the error message that you get otherwise."""


def page() -> str:
    """The page."""
    return document("Configuration", _INTRODUCTION, *(_section(*one) for one in _sections()))


def _sections() -> Iterator[tuple[str, type[Struct]]]:
    """Every group with its heading, in the order in which the file names them."""
    seen: set[type[Struct]] = set()
    waiting: list[tuple[str, type[Struct]]] = [("The whole file", Configuration)]
    while waiting:
        heading, cls = waiting.pop(0)
        if cls in seen:
            continue
        seen.add(cls)
        yield heading, cls
        inner = [
            (_heading(option, group), group) for option in options(cls) for group in option.groups
        ]
        waiting = inner + waiting if cls is not Configuration else [*waiting, *inner]


def _heading(option: Option, group: type[Struct]) -> str:
    tag = group.__struct_config__.tag
    if tag is not None:
        return f"{option.key}: type {tag}"
    return _SHARED.get(group.__name__, option.key)


#: Groups that several keys share.
_SHARED = {"StreamLimits": "limits of one stream"}


def _section(heading: str, cls: type[Struct]) -> str:
    rows = [
        (code(option.key), _value(option), option.default or "", option.meaning)
        for option in options(cls)
    ]
    tag = cls.__struct_config__.tag
    if tag is not None:
        rows.insert(0, (code("type"), code(tag), "**required**", "Which kind it is."))
    text = sentence(cls.__doc__)
    head = ("key", "what may stand there", "default", "meaning")
    return "\n\n".join(
        [f"## {heading}", *([text] if text != f"{heading}." else []), table(head, rows)]
    )


def _value(option: Option) -> str:
    if not option.groups:
        return option.value
    links = [
        f"[{_heading(option, group)}]({anchor(_heading(option, group))})" for group in option.groups
    ]
    what = " or ".join([", ".join(links[:-1]), links[-1]] if len(links) > 1 else links)
    return f"a list, each {what}" if option.many else f"a group: {what}"
