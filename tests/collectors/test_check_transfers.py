"""Which transfers a block has, and what came before them in it."""

from typing import Any

import msgspec
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from collectors.evm.blocks import Log, Transaction, read_block, read_logs
from collectors.evm.calldata import selector
from collectors.evm.check_transfers import ZERO_ADDRESS, Move, MoveReader
from collectors.evm.watched import WatchedToken

TOKEN, OTHER = "0x" + "11" * 20, "0x" + "12" * 20
REGISTRY, COMPLIANCE = "0x" + "22" * 20, "0x" + "33" * 20
A, B, C, D = ("0x" + letter * 40 for letter in "abcd")
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
BY_PARTITION = "0xff4e9a26af4eb73b8bacfaa4abd4fea03d9448e7b912dc5ff4019048875aa2d4"
TOKENS = {
    TOKEN: WatchedToken(identity_registry=REGISTRY, compliance=COMPLIANCE, standard="ERC-3643"),
    OTHER: WatchedToken(standard="ERC-1400"),
}
READER = MoveReader(TOKENS)


def topic(address: str) -> str:
    return "0x" + "0" * 24 + address[2:]


class MadeBlock:
    """Transactions and their logs, in order."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.logs: list[Log] = []
        self.failed: list[Transaction] = []

    def call(
        self, to: str = TOKEN, data: str = "0x", *, sender: str = A, fails: bool = False
    ) -> str:
        wire = {"hash": f"0x{len(self.transactions):064x}", "from": sender, "to": to, "input": data}
        header = {"number": "0x1", "hash": "0x", "parentHash": "0x", "timestamp": "0x1"}
        block = {**header, "transactions": [{**wire, "nonce": "0x0", "value": "0x0"}]}
        (made,) = read_block(msgspec.Raw(msgspec.json.encode(block))).transactions
        self.transactions.append(made)
        if fails:
            self.failed.append(made)
        return made.hash

    def log(self, address: str, topics: tuple[str, ...], data: str = "0x") -> None:
        place = {"blockNumber": "0x1", "blockHash": "0x", "logIndex": hex(len(self.logs))}
        wire: dict[str, Any] = {"transactionHash": self.transactions[-1].hash, **place}
        wire |= {"address": address, "topics": topics, "data": data}
        self.logs += read_logs(msgspec.Raw(msgspec.json.encode([wire])))

    def moved(self, source: str, destination: str, amount: int = 1, token: str = TOKEN) -> None:
        self.log(token, (TRANSFER, topic(source), topic(destination)), f"0x{amount:064x}")

    @property
    def moves(self) -> list[Move]:
        return READER.moves_in(self.transactions, self.logs, self.failed)

    @property
    def preceded(self) -> list[bool]:
        return [move.preceded for move in self.moves]


def transfer(destination: str, amount: int) -> str:
    call = selector("transfer(address,uint256)") + encode(
        ("address", "uint256"), (destination, amount)
    )
    return "0x" + call.hex()


def test_the_first_transfer_of_a_block_has_nothing_before_it() -> None:
    block = MadeBlock()
    block.call()
    block.moved(A, B, 7)
    (move,) = block.moves
    assert move == Move(TOKEN, A, B, 7, block.transactions[0].hash, 0)


def test_a_party_that_has_moved_tokens_before_may_be_judged_otherwise() -> None:
    block = MadeBlock()
    for source, destination in ((A, B), (C, D), (B, C), (A, D)):
        block.call()
        block.moved(source, destination)
    assert block.preceded == [False, False, True, True]


def test_minting_after_minting_counts_since_the_supply_has_a_limit() -> None:
    block = MadeBlock()
    for holder in (A, B):
        block.call()
        block.moved(ZERO_ADDRESS, holder)
    assert block.preceded == [False, True]


def test_a_change_of_the_registry_counts_for_all_its_token_and_no_others() -> None:
    block = MadeBlock()
    block.call(REGISTRY)
    block.log(REGISTRY, ("0x" + "99" * 32,))
    block.call()
    block.moved(A, B)
    block.call(OTHER)
    block.moved(A, B, token=OTHER)
    assert block.preceded == [True, False]


def test_a_change_of_the_token_counts_from_the_next_transaction_on() -> None:
    """In its own transaction it is a part of the transfer: a partition's log, unfrozen tokens."""
    block = MadeBlock()
    block.call()
    block.log(TOKEN, ("0x" + "99" * 32,))
    block.moved(A, B)
    block.call()
    block.moved(C, D)
    assert block.preceded == [False, True]


def test_an_allowance_counts_for_whom_it_is_of() -> None:
    block = MadeBlock()
    block.call()
    block.log(TOKEN, (APPROVAL, topic(A), topic(D)), f"0x{1:064x}")
    block.call()
    block.moved(C, D)
    block.call()
    block.moved(A, B)
    assert block.preceded == [False, True]


def test_a_batch_of_one_call_is_judged_one_after_the_other() -> None:
    block = MadeBlock()
    block.call()
    for destination in (B, C):
        block.moved(A, destination)
    assert block.preceded == [False, True]


def test_a_refused_transfer_stands_where_its_transaction_does() -> None:
    block = MadeBlock()
    block.call(data=transfer(B, 5), fails=True)
    block.call()
    block.moved(A, B)
    block.call(data=transfer(B, 6), fails=True)
    assert [(move.amount, move.log_index, move.preceded) for move in block.moves] == [
        (5, None, False),
        (1, 0, False),
        (6, None, True),
    ]


def by_partition(block: MadeBlock, *, before: bool, twin: bool) -> None:
    block.call(OTHER)
    data = "0x" + encode(("address", "uint256", "bytes", "bytes"), (A, 4, b"", b"")).hex()
    topics = (BY_PARTITION, "0x" + "77" * 32, topic(A), topic(B))
    if twin and not before:
        block.moved(A, B, 4, token=OTHER)
    block.log(OTHER, topics, data)
    if twin and before:
        block.moved(A, B, 4, token=OTHER)


def test_a_transfer_by_partition_is_one_transfer_whichever_log_comes_first() -> None:
    for before in (True, False):
        block = MadeBlock()
        by_partition(block, before=before, twin=True)
        (move,) = block.moves
        assert (move.partition, move.amount, move.preceded) == ("0x" + "77" * 32, 4, False)
        assert block.logs[move.log_index or 0].topics[0] == TRANSFER


def test_a_token_of_partitions_alone_has_its_transfers_too() -> None:
    block = MadeBlock()
    by_partition(block, before=True, twin=False)
    (move,) = block.moves
    assert (move.log_index, move.partition) == (0, "0x" + "77" * 32)


def test_two_equal_transfers_by_partition_are_two() -> None:
    block = MadeBlock()
    for _ in range(2):
        by_partition(block, before=False, twin=True)
    assert [move.partition for move in block.moves] == ["0x" + "77" * 32] * 2


def test_what_a_call_gives_with_a_transfer_and_who_spends_are_read_from_it() -> None:
    block = MadeBlock()
    given_with = selector("transferFromWithData(address,address,uint256,bytes)") + encode(
        ("address", "address", "uint256", "bytes"), (A, B, 4, b"certificate")
    )
    block.call(OTHER, "0x" + given_with.hex(), sender=C)
    block.moved(A, B, 4, token=OTHER)
    (move,) = block.moves
    assert (bytes.fromhex(move.data), move.spender) == (b"certificate", C)


def test_what_is_no_transfer_is_passed_over() -> None:
    block = MadeBlock()
    block.call()
    block.log(TOKEN, (TRANSFER, topic(A), topic(B), "0x" + "01" * 32))  # ERC-721's
    block.log(TOKEN, (TRANSFER, topic(A), topic(B)), "0x12")
    block.log(TOKEN, ())
    block.log("0x" + "44" * 20, (TRANSFER, topic(A), topic(B)), f"0x{1:064x}")
    block.call(data="0xdeadbeef", fails=True)
    block.call("0x" + "44" * 20, transfer(B, 1), fails=True)
    assert block.moves == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TOKEN, OTHER]),
            st.sampled_from([A, B, C, D]),
            st.sampled_from([A, B, C, D]),
        ),
        max_size=12,
    )
)
def test_preceded_is_exactly_a_transfer_of_a_party_before(
    moved: list[tuple[str, str, str]],
) -> None:
    block = MadeBlock()
    for token, source, destination in moved:
        block.call(token)
        block.moved(source, destination, token=token)
    expected = [
        any(
            other == token and {source, destination} & {first, second}
            for other, first, second in moved[:place]
        )
        for place, (token, source, destination) in enumerate(moved)
    ]
    assert block.preceded == expected
