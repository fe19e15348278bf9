"""What a check of one part found, and what to do about it."""

from typing import Literal

from msgspec import Struct

FindingLevel = Literal["ok", "warning", "error"]


class Finding(Struct, frozen=True, kw_only=True):
    """One line of `tapewatch doctor`. `advice` says what to do; it is empty when all is well."""

    level: FindingLevel
    subject: str
    message: str
    advice: str = ""
