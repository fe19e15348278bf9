"""Where the audit log is, and what signs it."""

from typing import Annotated

from msgspec import Meta, Struct

from pipeline.secrets import Secret
from pipeline.structured import FilePath
from pipeline.units import MINUTE, SECOND, Duration


class Audit(Struct, forbid_unknown_fields=True, kw_only=True):
    """The signed log of what came, what was found and what was done. One machine writes it."""

    #: Folder of the log; nothing in it is ever changed or taken away.
    path: FilePath
    #: The private key, as `tapewatch audit key` makes it.
    key: Secret
    #: How often the log is made durable and signed, if it has grown.
    sign_every: Annotated[Duration, Meta(ge=SECOND // 10, le=10 * MINUTE)] = SECOND
