"""What changes of links and clusters are called in reference data."""

from collections.abc import Iterable, Iterator, Sequence

from detections.alerting.wording import lapse
from detections.clusters.clustering import Change, State
from detections.clusters.components import Membership
from detections.clusters.links import Link, Pair, Reason
from pipeline import reference_records as records
from pipeline.reference_changes import Identity, ReferenceChange, change_of, key_of, withdrawal

#: The name of the source, in REFERENCE and in RAW.
SOURCE = "clusters"
#: The name of the source of analysts' overrides.
OVERRIDES = "cluster-overrides"

_SHARED: dict[Reason, str] = {
    "funding": "their first money came from {via}",
    "deposit": "both paid into {via}, which passed it on to an exchange or custodian",
    "co-spending": "one transaction spent from both to {via}",
    "round-trip": "the same amount went there and back",
    "smart-account": "one owns the other, a smart account",
    "paymaster": "{via} pays the gas of both",
    "identity": "both are wallets of the identity {via}",
    "recovery": "one was lost and replaced by the other, of the identity {via}",
    "reference": "reference data says that both are of the {via}",
}


def sentence(link: Link) -> str:
    """A link in words."""
    text = _SHARED[link.reason].format(via=link.via)
    times = "" if link.count < 2 or link.reason in ("funding", "identity") else f", {link.count}x"
    within = link.last_seen - link.first_seen
    span = f", within {lapse(within)}" if within else ""
    return f"{text}{times}{span}"


def reference_changes(changes: Iterable[Change]) -> Iterator[ReferenceChange]:
    """The changes as reference data."""
    for change in changes:
        if isinstance(change, Membership):
            if change.cluster is None:
                yield withdrawal(member_identity(change.address))
            else:
                yield _member(change.address, change.cluster)
        elif change.link is None:
            yield withdrawal(link_identity(change.pair, change.reason))
        else:
            yield _link(change.pair, change.link)


def everything(state: State) -> Sequence[ReferenceChange]:
    """All that is told of links and clusters, as reference data."""
    links = [
        _link(pair, state.links.book.of(pair)[reason])
        for pair, reasons in state.told.items()
        for reason in reasons
    ]
    return links + [_member(*one) for one in state.clusters_told.items()]


def link_identity(pair: Pair, reason: Reason) -> Identity:
    """What names a link."""
    return "link", key_of(records.Link(address=pair[0], other=pair[1], reason=reason)), None


def member_identity(address: str) -> Identity:
    """What names an address."""
    return "address", key_of(records.LabelledAddress(address=address)), None


def _member(address: str, cluster: str) -> ReferenceChange:
    return change_of(records.LabelledAddress(address=address, cluster=cluster))


def _link(pair: Pair, link: Link) -> ReferenceChange:
    return change_of(
        records.Link(
            address=pair[0],
            other=pair[1],
            reason=link.reason,
            weight=round(link.weight, 6),
            evidence=tuple(proof.event for proof in link.proofs),
            detail=sentence(link),
        )
    )
