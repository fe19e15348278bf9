"""Merkle trees as RFC 6962 has them (section 2.1): roots, inclusion and consistency, SHA-256.

A node of level L and number N is the hash of the 2**L leaves from N * 2**L on. Nodes that are
whole never change; those at the right edge follow from them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

#: Of a hash, in bytes.
HASH_SIZE = 32
#: The root of no leaves.
EMPTY_ROOT = sha256(b"").digest()

#: The hash of a whole node, by level and number.
Node = Callable[[int, int], bytes]


class ProofWrong(Exception):
    """A proof does not show what it should; the text says why."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that adding a leaf and the root need."""

    def __init__(self) -> None:
        self.size = 0
        #: Whole nodes that have no sibling yet, by level; where the size has no such bit, stale.
        self._edge: list[bytes] = []

    @classmethod
    def of(cls, size: int, node: Node) -> "Frontier":
        """That of a tree whose whole nodes are known."""
        found = cls()
        found.size = size
        found._edge = [
            node(level, (size >> level) - 1) if size >> level & 1 else b""
            for level in range(size.bit_length())
        ]
        return found

    def add(self, leaf: bytes) -> list[bytes]:
        """Take a leaf's hash; the nodes that became whole above it, from level 1 up."""
        edge, level, size, whole = self._edge, 0, self.size, list[bytes]()
        while size & 1:
            leaf = node_hash(edge[level], leaf)
            whole.append(leaf)
            size >>= 1
            level += 1
        if level == len(edge):
            edge.append(leaf)
        else:
            edge[level] = leaf
        self.size += 1
        return whole

    def root(self) -> bytes:
        """The root of the tree as it is."""
        root: bytes | None = None
        for level, node in enumerate(self._edge):
            if self.size >> level & 1:
                root = node if root is None else node_hash(node, root)
        return EMPTY_ROOT if root is None else root


def root_of(size: int, node: Node) -> bytes:
    """The root of the tree of the first ``size`` leaves."""
    return _range(0, size, node) if size else EMPTY_ROOT


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The proof that a leaf is in the tree of ``size`` leaves. Raises ValueError if it isn't."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range(middle, end, node))
            end = middle
        else:
            path.append(_range(begin, middle, node))
            begin = middle
    path.reverse()
    return path


def check_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises ProofWrong unless the proof shows that the leaf is at this place of the tree.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofWrong(f"a tree of {size} leaves has no leaf {index}")
    place, last, found = index, size - 1, leaf
    for one in proof:
        if not last:
            raise ProofWrong("the proof is too long")
        if place & 1 or place == last:
            found = node_hash(one, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, one)
        place >>= 1
        last >>= 1
    if last:
        raise ProofWrong("the proof is too short")
    if found != root:
        raise ProofWrong(f"leaf {index} is not what the tree of {size} leaves has there")


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of ``new`` leaves begins with that of ``old``. Raises ValueError."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves doesn't begin with one of {old}")
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old < end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_range(middle, end, node))
            end = middle
        else:
            path.append(_range(begin, middle, node))
            begin, whole = middle, False
    if not whole:
        path.append(_range(begin, end, node))
    path.reverse()
    return path


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises ProofWrong unless the proof shows that one tree is the beginning of the other.

    RFC 9162, section 2.1.4.2.
    """
    if not 0 < old <= new:
        raise ProofWrong(f"a tree of {new} leaves doesn't begin with one of {old}")
    if old == new:
        if proof or old_root != new_root:
            raise ProofWrong(f"two different trees of {old} leaves")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofWrong("the proof is empty")
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    first, second = path[0], path[0]
    for one in path[1:]:
        if not last:
            raise ProofWrong("the proof is too long")
        if place & 1 or place == last:
            first, second = node_hash(one, first), node_hash(one, second)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            second = node_hash(second, one)
        place >>= 1
        last >>= 1
    if last:
        raise ProofWrong("the proof is too short")
    if first != old_root or second != new_root:
        raise ProofWrong(f"the tree of {new} leaves doesn't begin with that of {old}")


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _range(begin: int, end: int, node: Node) -> bytes:
    """The hash over leaves; ``begin`` is a multiple of the power of two that holds them."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range(begin, middle, node), _range(middle, end, node))
