"""Merkle trees, held to RFC 6962 itself, to its known values and to each other."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofWrong,
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
    leaf_hash,
    root_of,
)

#: The leaves and roots that Certificate Transparency's implementations test with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def plainly(leaves: Sequence[bytes]) -> bytes:
    """The root as the RFC defines it, in its own words."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return sha256(b"\x01" + plainly(leaves[:split]) + plainly(leaves[split:])).digest()


class Tree:
    """All whole nodes of some leaves, in memory."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.frontier = Frontier()
        self.levels: list[list[bytes]] = [[] for _ in range(20)]
        for leaf in leaves:
            hashed = leaf_hash(leaf)
            self.levels[0].append(hashed)
            for level, node in enumerate(self.frontier.add(hashed), 1):
                self.levels[level].append(node)

    def node(self, level: int, number: int) -> bytes:
        return self.levels[level][number]


some_leaves = st.lists(st.binary(max_size=4), max_size=70)


def test_roots_are_those_that_others_have() -> None:
    assert Frontier().root() == EMPTY_ROOT
    for size, root in enumerate(ROOTS, 1):
        assert Tree(LEAVES[:size]).frontier.root().hex() == root


@given(some_leaves)
def test_the_frontier_and_the_nodes_give_the_root_of_the_rfc(leaves: list[bytes]) -> None:
    tree = Tree(leaves)
    assert tree.frontier.root() == plainly(leaves)
    for size in range(len(leaves) + 1):
        assert root_of(size, tree.node) == plainly(leaves[:size])


@given(some_leaves, some_leaves)
def test_a_frontier_goes_on_from_stored_nodes(leaves: list[bytes], more: list[bytes]) -> None:
    frontier = Frontier.of(len(leaves), Tree(leaves).node)
    for leaf in more:
        frontier.add(leaf_hash(leaf))
    assert frontier.root() == plainly(leaves + more)


@given(st.data(), some_leaves.filter(len))
def test_every_leaf_is_proved_and_no_other(data: st.DataObject, leaves: list[bytes]) -> None:
    tree = Tree(leaves)
    root = tree.frontier.root()
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion(index, len(leaves), tree.node)
    check_inclusion(index, len(leaves), leaf_hash(leaves[index]), proof, root)
    with pytest.raises(ProofWrong):
        check_inclusion(index, len(leaves), leaf_hash(leaves[index] + b"!"), proof, root)
    with pytest.raises(ProofWrong):
        check_inclusion(index, len(leaves), leaf_hash(leaves[index]), [*proof, b"\0" * 32], root)
    if proof:
        with pytest.raises(ProofWrong):
            check_inclusion(index, len(leaves), leaf_hash(leaves[index]), proof[:-1], root)


@given(st.data(), some_leaves.filter(len))
def test_growth_is_proved_and_a_fork_is_not(data: st.DataObject, leaves: list[bytes]) -> None:
    tree = Tree(leaves)
    old = data.draw(st.integers(1, len(leaves)))
    before, after = plainly(leaves[:old]), plainly(leaves)
    proof = consistency(old, len(leaves), tree.node)
    check_consistency(old, len(leaves), before, after, proof)
    changed = data.draw(st.integers(0, old - 1))
    other = [*leaves[:changed], leaves[changed] + b"!", *leaves[changed + 1 : old]]
    with pytest.raises(ProofWrong):
        check_consistency(old, len(leaves), plainly(other), after, proof)


def test_what_is_not_there_can_not_be_proved() -> None:
    tree = Tree(LEAVES)
    with pytest.raises(ValueError, match="no leaf 8"):
        inclusion(8, 8, tree.node)
    with pytest.raises(ValueError, match="doesn't begin"):
        consistency(0, 8, tree.node)
