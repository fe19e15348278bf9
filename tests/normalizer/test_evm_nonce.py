"""Every event of a transaction says which one of its sender's it is, where the frame does."""

import pytest

from normalizer.events.chain import ChainEvent
from tests.normalizer import blocks as b

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"
FROZEN = "AddressFrozen(address indexed a, bool indexed b, address indexed c)"


@pytest.mark.parametrize("nonce", ["0x0", "0x1f", None])
def test_the_nonce_is_that_of_the_transaction(nonce: str | None) -> None:
    transaction = b.transaction() if nonce is None else {**b.transaction(), "nonce": nonce}
    logs = [
        b.log(TRANSFER, b.ALICE, b.CAROL, 1),
        b.log(FROZEN, b.ALICE, True, b.CAROL, index=1),
    ]
    result = b.normalize(b.frame(*logs, transactions=[transaction]))
    found = [
        event.transaction_nonce
        for event in result.events
        if isinstance(event, ChainEvent) and event.transaction_hash
    ]
    assert found == [None if nonce is None else int(nonce, 16)] * 2


def test_a_nonce_that_is_none_spoils_nothing_but_its_transaction() -> None:
    transaction = {**b.transaction(), "nonce": "first"}
    result = b.normalize(b.frame(transactions=[transaction]))
    assert [letter.field for letter in result.dead] == ["transactions[0].nonce"]
