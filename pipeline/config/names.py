"""Names: those that positions and records on the bus are kept by, and those of hosts."""

from typing import Annotated

from msgspec import Meta

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$(?!\n)",
        description="lower-case letters, digits, - and _",
    ),
]
HostName = Annotated[
    str,
    Meta(
        pattern=r"^([^\s/:]+|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F.]*)$(?!\n)",
        description="a host name without port",
    ),
]
