"""``correlators.md``: what each correlator looks for, and the parameters that a rule sets."""

import inspect
import sys
from typing import Any

from detections.correlators.base import Correlator, correlators
from docs.generator.markdown import code, document, prose, table
from docs.generator.options import options

_INTRODUCTION = """\
Detections with a state, written in Python. A rule names one by `correlator: NAME` and sets its
`parameters:`; every threshold and window is there, none in the code. A wrong value is reported with
file, line and column by `tapewatch rules check`.

Ratios are written as `10%` or `0.1`, durations as `250ms`, `5s`, `1h`."""


def page() -> str:
    """The page."""
    return document(
        "Correlators", _INTRODUCTION, *(_section(*one) for one in correlators().items())
    )


def _section(name: str, cls: type[Correlator[Any]]) -> str:
    rows = [
        (code(option.key), option.value, option.default or "", option.meaning)
        for option in options(cls.parameters_type)
    ]
    return "\n\n".join(
        [
            f"## {name}",
            prose(inspect.getdoc(sys.modules[cls.__module__])),
            prose(cls.__doc__).replace("See the module. ", ""),
            table(("parameter", "what may stand there", "default", "meaning"), rows),
        ]
    )
