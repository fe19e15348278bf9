"""What a check of one part found, and what to do about it."""

from typing import Literal

import msgspec
from msgspec import Struct

from pipeline.secrets import without_secrets

FindingLevel = Literal["ok", "warning", "error"]


class Finding(Struct, frozen=True, kw_only=True):
    """One line of `tapewatch doctor`. `advice` says what to do; it is empty when all is well."""

    level: FindingLevel
    subject: str
    message: str
    advice: str = ""

    def __post_init__(self) -> None:
        # What a server says may repeat what it was sent.
        msgspec.structs.force_setattr(self, "message", without_secrets(self.message))
