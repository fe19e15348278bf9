"""YAML into typed records, with all that is wrong with it said at once.

A type is described by msgspec Structs and annotations; the same records serve as events' and
configuration's. See `load` for what is understood and `Duration`, `Size`, `Ratio`
(`pipeline.units`), `FilePath`, `Secret` and `SecretText` (`pipeline.secrets`) for what YAML hasn't.
"""

from pipeline.structured.loading import Outcome, examine, load
from pipeline.structured.paths import ExistingPath, FilePath
from pipeline.structured.walk import FieldError, Resolve

__all__ = [
    "ExistingPath",
    "FieldError",
    "FilePath",
    "Outcome",
    "Resolve",
    "examine",
    "load",
]
