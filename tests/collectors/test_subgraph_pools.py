"""Which pools a subgraph's source reads: those that no node of the chain watches."""

from collectors.subgraph.watched import WatchedPools

ONE, OTHER = "0x" + "Aa" * 20, "0x" + "bb" * 20


def test_a_pool_that_a_node_watches_is_left_to_it_in_whatever_case() -> None:
    assert WatchedPools.of([ONE, OTHER], [ONE.lower()]).pools == {OTHER}
    assert WatchedPools.of([ONE, ONE.lower()], []).pools == {ONE.lower()}
