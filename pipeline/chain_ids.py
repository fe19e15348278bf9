"""Numbers that stand for chains.

EVM chains have an EIP-155 id. Others are named by CAIP-2, such as
``solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp``; so that every chain has a number, which the bus, the
state of detections and the sinks key by, theirs is made from that name. It is above the largest
EIP-155 id that wallets accept (2^52 - 20, see EIP-2294) and below 2^53, so that it is never an EVM
chain's, and no JSON reader rounds it.

Source: https://chainagnostic.org/CAIPs/caip-2, and its namespaces for ``solana``.
"""

import hashlib
import re
from typing import Annotated

from msgspec import Meta

_EVM = "eip155:"
_BITS = 52
_FORM = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")

#: The CAIP-2 name of a Solana cluster.
SolanaChain = Annotated[
    str,
    Meta(
        pattern=r"^solana:[1-9A-HJ-NP-Za-km-z]{32}$(?!\n)",
        description="a CAIP-2 chain id, such as solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    ),
]


def chain_number(name: str) -> int:
    """The number of a chain by its CAIP-2 name; of an EVM chain its EIP-155 id.

    Raises ValueError for what is no such name.
    """
    if _FORM.fullmatch(name) is None:
        raise ValueError(f"{name[:80]!r} is no CAIP-2 chain id")
    if name.startswith(_EVM):
        return int(name.removeprefix(_EVM))
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest())
    return (1 << _BITS) | (digest >> (256 - _BITS))


def solana_chain(genesis_hash: str) -> str:
    """The CAIP-2 name of a Solana cluster: the first 32 characters of its genesis hash."""
    return f"solana:{genesis_hash[:32]}"
