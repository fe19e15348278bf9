"""What each anchor of a log says, and whether that is shown: for `tapewatch audit verify`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cryptography import x509
from msgspec import Struct

from evidence.audit.anchors import Kept, Timestamp, Transaction
from evidence.audit.timestamps import TimestampWrong, check, stamped_at
from evidence.audit.transactions import Node, TransactionWrong, find


class Word(Struct, kw_only=True):
    """What an anchor says."""

    #: The name of its file.
    anchor: str
    #: How many entries the log had; None where that can't be told.
    size: int | None
    #: ``shown``: by an authority that is trusted, or by the chain. ``unchecked``: that was not
    #: asked for. ``wrong``: it doesn't say what it should.
    state: str
    message: str


def words(
    anchors: Sequence[Kept], trusted: Sequence[x509.Certificate], node: Node | None
) -> Iterator[Word]:
    """Check each. Raises AnchorFailed where the node doesn't answer."""
    for one in anchors:
        if one.anchor is None or one.checkpoint is None:
            yield Word(anchor=one.path.name, size=None, state="wrong", message=one.problem)
            continue
        try:
            if isinstance(one.anchor, Timestamp):
                state, said = _stamp(one.anchor, trusted)
            else:
                state, said = _transaction(one.anchor, node)
        except (TimestampWrong, TransactionWrong) as error:
            state, said = "wrong", str(error)
        yield Word(
            anchor=one.path.name,
            size=one.checkpoint.size,
            state=state,
            message=f"the first {one.checkpoint.size:,} entries: {said}",
        )


def _stamp(stamp: Timestamp, trusted: Sequence[x509.Certificate]) -> tuple[str, str]:
    if not trusted:
        when = stamped_at(stamp)
        said = f"there at {_moment(when)}, as {stamp.url} says"
        return "unchecked", f"{said}; name its root certificate by --authority to check that"
    return (
        "shown",
        f"there at {_moment(check(stamp, trusted))}, signed by an authority that you trust",
    )


def _transaction(anchor: Transaction, node: Node | None) -> tuple[str, str]:
    said = f"in transaction {anchor.hash} of chain {anchor.chain_id}"
    if node is None:
        return "unchecked", f"{said}; name a node by --chain to look there"
    mined = find(node, anchor)
    when = _moment(datetime.fromtimestamp(mined.time, UTC))
    deep = f"{mined.confirmations:,} block{'s' if mined.confirmations != 1 else ''} deep"
    return "shown", f"there at {when}, {said}, in block {mined.block:,}, {deep}"


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
