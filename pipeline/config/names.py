"""Names that positions and records on the bus are kept by."""

from typing import Annotated

from msgspec import Meta

Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case letters, digits, - and _"),
]
