"""Topics of flash loans of lenders that have an event: any of them may lend for a swap.

Sources: Aave ``ILendingPool`` (v2) and ``IPool`` (v3), Balancer ``IVault``, Morpho Blue
``EventsLib``, Maker ``dss-flash``. The loans of Uniswap's pools are told by the pools themselves.
"""

from eth_hash.auto import keccak

_EVENTS = (
    "FlashLoan(address,address,address,uint256,uint256,uint16)",
    "FlashLoan(address,address,address,uint256,uint8,uint256,uint16)",
    "FlashLoan(address,address,uint256,uint256)",  # Balancer's and Maker's
    "FlashLoan(address,address,uint256)",
)

#: topic0 of each.
FLASH_LOAN_TOPICS = tuple("0x" + keccak(event.encode()).hex() for event in _EVENTS)
