"""Field types of the event records.

A record's attribute carries its wire name (the ECS name) by ``msgspec.field(name=...)`` and, by the
types below, what everything generated from the records needs: the Elasticsearch mapping type and
the description. Nothing about a field is written anywhere else.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

from pipeline.personal_data import Personal


def described(
    description: str, *, personal: Personal | Literal["no"] | None = None, **extra: Any
) -> Meta:
    """Describe a field; ``es`` overrides the mapping type that its Python type implies.

    ``personal`` says what of a person it tells. Without, an address is a ``wallet``, and what
    stands under ``investor.`` an ``attribute``; ``no`` says of such a field that it is neither,
    such as the address of a token's contract.
    """
    if personal is not None:
        extra["personal"] = personal
    return Meta(description=description, extra=extra or None)


#: Nanoseconds since the Unix epoch, UTC. At sinks an RFC 3339 text with nine fractional digits.
Nanoseconds = Annotated[int, Meta(extra={"es": "date_nanos"})]
#: An EVM address, lower-case hexadecimal with ``0x``; of Solana base58, as it is written.
Address = Annotated[
    str,
    Meta(
        description="EVM address in lower case, or Solana address as it is written",
        extra={"personal": "wallet"},
    ),
]
#: A 32-byte hash, lower-case hexadecimal with ``0x``; of Solana base58, as it is written.
Hash = Annotated[str, Meta(description="32-byte hash, lower-case hexadecimal; of Solana base58")]
#: An unsigned 256-bit integer as a decimal text, so that it never passes through a float.
Uint256 = Annotated[str, Meta(description="uint256 as an exact decimal text")]
#: An exact signed integer as a decimal text.
Int256 = Annotated[str, Meta(description="int256 as an exact decimal text")]
#: ``buy`` or ``sell``, from the side of the party that the event is about.
Side = Literal["buy", "sell"]
#: Text for people to read and to search by word, not to group by.
Text = Annotated[str, Meta(extra={"es": "text"})]
