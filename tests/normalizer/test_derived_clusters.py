"""A cluster that was found for an address counts for all that is of its investor."""

from normalizer.enrichment import Enrichment
from normalizer.reference import Reference
from pipeline.reference_changes import change_of, withdrawal
from pipeline.reference_records import Account, Investor, LabelledAddress

NOW = 1_767_225_600_000_000_000
MINE, SECOND, OTHER = ("0x" + letter * 40 for letter in "abc")


def enrichment(cluster: str | None = None) -> Enrichment:
    investor = Investor(
        id="INV-1",
        cluster=cluster,
        addresses=(MINE, SECOND),
        accounts=(Account(venue="venue", account="acct-1"),),
    )
    return Enrichment(Reference(investors=(investor,)))


def link(known: Enrichment, address: str, cluster: str | None) -> None:
    record = None if cluster is None else LabelledAddress(address=address, cluster=cluster)
    change = (
        withdrawal(("address", address, None))
        if record is None
        else change_of(LabelledAddress(address=address, cluster=cluster))
    )
    known.put("clusters", change, record)
    known.settle()


def clusters(known: Enrichment) -> list[str | None]:
    return [
        *(known.party(address, NOW).cluster for address in (MINE, SECOND, OTHER)),
        known.account("venue", "acct-1", NOW).cluster,
    ]


def test_all_wallets_and_accounts_of_an_investor_are_in_the_cluster_of_one_of_them() -> None:
    known = enrichment()
    assert clusters(known) == [None] * 4
    link(known, MINE, "cluster-1")
    link(known, OTHER, "cluster-1")
    assert clusters(known) == ["cluster-1"] * 4
    link(known, MINE, None)
    assert clusters(known) == [None, None, "cluster-1", None]


def test_what_reference_data_says_itself_of_an_investor_goes_before() -> None:
    known = enrichment("fund-7")
    link(known, MINE, "cluster-1")
    assert clusters(known) == ["fund-7", "fund-7", None, "fund-7"]


def test_wallets_of_one_investor_that_are_in_two_clusters_are_told_alike() -> None:
    known = enrichment()
    link(known, SECOND, "cluster-2")
    link(known, MINE, "cluster-1")
    assert clusters(known) == ["cluster-1", "cluster-1", None, "cluster-1"]
