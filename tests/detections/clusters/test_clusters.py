"""Clusters as they come and go: their ids, an analyst's word, and what the honest may expect."""

import random
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.clusters.clustering import Clustering, Override, State, difference
from detections.clusters.links import pair_of
from normalizer.events.base import Event
from pipeline.config.clusters import ClusterLimits, Clusters
from tests.detections.clusters.chain_tape import (
    ALICE,
    BOB,
    CAROL,
    DAN,
    ERIN,
    EXCHANGE,
    FUNDER,
    START,
    ChainTape,
    Watching,
    wallet,
)


def said(number: int, *addresses: str, together: bool = False, why: str = "for a test") -> Override:
    return Override(f"override-{number}", together, addresses, "ana", why, START)


def recovered(*pairs: tuple[str, str]) -> tuple[ChainTape, Watching]:
    """Pairs that are one by the registry's word: weight 1."""
    tape = ChainTape()
    return tape, Watching().take(*(tape.recovers(a, b) for a, b in pairs))


def test_an_id_stays_when_somebody_comes() -> None:
    tape, watching = recovered((ALICE, BOB))
    before = watching.clusters[ALICE]
    watching.take(tape.recovers(BOB, CAROL))
    assert set(watching.clusters.values()) == {before}
    assert watching.one(ALICE, BOB, CAROL)


def test_on_a_merge_the_older_id_stays_and_the_other_is_an_alias() -> None:
    tape, watching = recovered((ALICE, BOB), (CAROL, DAN), (DAN, ERIN))
    older, younger = watching.clusters[ALICE], watching.clusters[CAROL]
    assert older != younger
    watching.take(tape.recovers(BOB, CAROL))
    assert set(watching.clusters.values()) == {older}
    assert watching.clustering.state.components.resolve(younger) == older


def test_an_analyst_separates_two_and_the_strongest_links_of_the_others_stay() -> None:
    tape = ChainTape()
    watching = Watching().take(tape.recovers(ALICE, BOB), *tape.funds(CAROL, BOB))
    assert watching.one(ALICE, BOB, CAROL)
    before = watching.clusters[ALICE]
    watching.hear(watching.clustering.override(said(1, ALICE, CAROL)))
    assert watching.one(ALICE, BOB)  # by the registry; not by a common source
    assert watching.none(CAROL)
    assert watching.clusters[ALICE] == before
    assert pair_of(BOB, CAROL) not in watching.links
    watching.hear(watching.clustering.lift("override-1"))
    assert watching.one(ALICE, BOB, CAROL)
    assert watching.clusters[ALICE] == before


def test_what_is_separated_stays_apart_whatever_comes() -> None:
    tape, watching = recovered((ALICE, BOB))
    watching.hear(watching.clustering.override(said(1, ALICE, BOB)))
    watching.take(tape.recovers(BOB, CAROL), tape.recovers(CAROL, ALICE))
    assert not watching.one(ALICE, BOB)
    assert watching.one(CAROL, ALICE) or watching.one(CAROL, BOB)


def test_an_analyst_takes_one_wallet_out_of_everything() -> None:
    _, watching = recovered((ALICE, BOB), (BOB, CAROL), (CAROL, ALICE))
    watching.hear(watching.clustering.override(said(1, BOB)))
    assert watching.none(BOB)
    assert watching.one(ALICE, CAROL)


def test_an_analyst_joins_two_that_nothing_links() -> None:
    _, watching = recovered((ALICE, BOB))
    watching.hear(watching.clustering.override(said(1, BOB, CAROL, together=True)))
    assert watching.one(ALICE, BOB, CAROL)
    watching.hear(watching.clustering.lift("override-1"))
    assert watching.one(ALICE, BOB)
    assert watching.none(CAROL)


def test_the_last_word_on_a_pair_counts() -> None:
    _, watching = recovered((ALICE, BOB))
    for number, together in enumerate((False, True, False, True)):
        watching.hear(watching.clustering.override(said(number, ALICE, BOB, together=together)))
        assert watching.one(ALICE, BOB) == together
    watching.hear(watching.clustering.lift("override-3"))
    assert not watching.one(ALICE, BOB)  # as the one before it said


def test_a_cluster_that_would_be_too_large_is_none() -> None:
    tape = ChainTape()
    watching = Watching(Clusters(limits=ClusterLimits(most_members=3)))
    watching.take(tape.recovers(ALICE, BOB), tape.recovers(CAROL, DAN))
    watching.take(tape.recovers(BOB, CAROL))
    assert watching.one(ALICE, BOB)
    assert watching.one(CAROL, DAN)
    assert not watching.one(BOB, CAROL)
    assert list(watching.clustering.state.refused) == [pair_of(BOB, CAROL)]


WALLETS = [wallet(f"w{number}") for number in range(8)]
steps = st.lists(
    st.tuples(
        st.sampled_from(["recover", "register", "remove", "circle", "apart", "together", "lift"]),
        st.sampled_from(WALLETS),
        st.sampled_from(WALLETS),
    ),
    max_size=40,
)


def perform(watching: Watching, tape: ChainTape, what: str, a: str, b: str) -> None:
    match what:
        case "recover" if a != b:
            watching.take(tape.recovers(a, b))
        case "register":
            watching.take(tape.registers(a, wallet(f"i{WALLETS.index(b) % 3}")))
        case "remove":
            watching.take(tape.removes(a, wallet(f"i{WALLETS.index(b) % 3}")))
        case "circle" if a != b:
            for _ in range(6):
                watching.take(tape.sends(a, b, 100), tape.sends(b, a, 100))
        case "apart" | "together" if a != b:
            number = WALLETS.index(a)
            watching.hear(
                watching.clustering.override(said(number, a, b, together=what == "together"))
            )
        case "lift":
            watching.hear(watching.clustering.lift(f"override-{WALLETS.index(a)}"))
        case _:
            pass


def partition(watching: Watching) -> set[frozenset[str]]:
    by_name: dict[str, set[str]] = {}
    for address, name in watching.clusters.items():
        by_name.setdefault(name, set()).add(address)
    return {frozenset(members) for members in by_name.values()}


@settings(max_examples=300, deadline=None)
@given(steps)
def test_clusters_are_what_their_pairs_make_them(taken: list[tuple[str, str, str]]) -> None:
    """However they came about: as if all pairs that there are now were joined anew."""
    watching, tape = Watching(), ChainTape()
    for step in taken:
        perform(watching, tape, *step)
    state = watching.clustering.state
    components = state.components
    anew = type(components)(
        edges=components.edges, separated=components.separated, alone=components.alone
    )
    anew.part_anew(WALLETS)
    assert {frozenset(c.members) for c in anew.clusters.values()} == partition(watching)
    for name, cluster in components.clusters.items():
        assert len(cluster.members) > 1
        assert {watching.clusters[member] for member in cluster.members} == {name}
    for one, other in components.separated:
        assert not watching.one(one, other)
    # What is told holds each cluster together, but for what analysts have joined by hand.
    for pair, links in watching.links.items():
        assert watching.one(*pair)
        known = state.links.book.of(pair)
        assert links == {link.reason: link.weight for link in known.values()}


@settings(max_examples=100, deadline=None)
@given(steps, st.integers(0, 40))
def test_a_saved_state_goes_on_as_if_nothing_had_happened(
    taken: list[tuple[str, str, str]], cut: int
) -> None:
    whole, parts = Watching(), Watching()
    tapes = ChainTape(), ChainTape()
    for number, step in enumerate(taken):
        perform(whole, tapes[0], *step)
        if number == cut:
            data = msgspec.msgpack.encode(parts.clustering.state)
            state = msgspec.msgpack.decode(data, type=State)
            assert msgspec.msgpack.encode(state) == data
            parts.clustering = Clustering(Clusters(), state)
        perform(parts, tapes[1], *step)
    assert parts.changes == whole.changes


@settings(max_examples=100, deadline=None)
@given(steps, steps)
def test_the_difference_of_two_states_is_what_must_be_told(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    one, other = Watching(), Watching()
    for watching, taken in ((one, before), (other, after)):
        tape = ChainTape()
        for step in taken:
            perform(watching, tape, *step)
    one.hear(difference(one.clustering.state, other.clustering.state))
    assert (one.clusters, one.links) == (other.clusters, other.links)


def customers(
    chance: random.Random, tape: ChainTape, wallets: Sequence[str], hub: str
) -> list[Event]:
    """Honest people: each gets his first money from a hub, pays others who have some, and pays into
    an exchange at a deposit address of his own."""
    events: list[Event] = []
    order = [*wallets]
    chance.shuffle(order)
    for number, one in enumerate(order):
        events.append(tape.pays(hub, one, chance.randint(10**6, 10**9)))
        for _ in range(chance.randint(0, 3)):
            other = chance.choice(order[: number + 1])
            events.append(tape.sends(one, other, chance.randint(1, 10**6)))
        amount = chance.randint(1, 10**6)
        deposit = wallet(f"d{one[-8:]}")
        events.append(tape.sends(one, deposit, amount))
        events.append(tape.sends(deposit, EXCHANGE, amount))
    return events


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_honest_customers_of_an_exchange_are_not_linked(seed: int, count: int) -> None:
    chance, tape = random.Random(seed), ChainTape()
    wallets = [wallet(f"c{number}") for number in range(count)]
    watching = Watching().take(*customers(chance, tape, wallets, EXCHANGE))
    assert not watching.clusters
    assert not watching.links


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(21, 60))
def test_customers_of_a_hub_that_nobody_has_labelled_are_not_linked_in_the_end(
    seed: int, count: int
) -> None:
    """The first twenty are, until the hub is told by its degree."""
    chance, tape = random.Random(seed), ChainTape()
    wallets = [wallet(f"c{number}") for number in range(count)]
    watching = Watching().take(*customers(chance, tape, wallets, FUNDER))
    assert not watching.clusters
    assert FUNDER in watching.clustering.state.links.hubs
