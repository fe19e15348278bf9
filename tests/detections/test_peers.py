"""What others did is what a look at all but the party itself finds."""

import random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.markets import peers
from detections.markets.peers import LEAST_PEERS, Nets, Sizes

PARTIES = [f"p{number}" for number in range(12)]
VALUES = st.sampled_from([-3.0, 1.0, 1.0, 2.5, 7.0, 40.0])
NOW = st.dictionaries(st.sampled_from(PARTIES), VALUES, min_size=1)
BEFORE = st.dictionaries(st.sampled_from(PARTIES), st.lists(VALUES, min_size=1, max_size=4))


def others(
    party: str, now: dict[str, float], before: dict[str, list[float]], most: int, known: int
) -> list[float]:
    found: list[float] = []
    for name in {**now, **before}:
        if name != party:
            found += before.get(name, [])
            if known + len(found) >= most:
                break
    return found


@pytest.mark.parametrize("most", [4, 12, 1_000])
@settings(max_examples=150, deadline=None)
@given(now=NOW, before=BEFORE)
def test_they_are_without_the_party_itself(
    most: int, now: dict[str, float], before: dict[str, list[float]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "MOST_VALUES", most)
        nets, sizes = Nets(now, before), Sizes(now, before)
        for party, value in now.items():
            rest = [one for name, one in now.items() if name != party]
            known = [*rest, *others(party, now, before, most, len(rest))]
            if len({*now, *before} - {party}) < LEAST_PEERS:
                assert nets.deviations(party) is None
            else:
                middle = median(known)
                away = [abs(one - middle) for one in known]
                spread = 1.4826 * median(away) or 1.2533 * sum(away) / len(away)
                found = nets.deviations(party)
                assert found == (pytest.approx((value - middle) / spread) if spread else None)
            earlier = others(party, {}, before, most, 0)
            if len(earlier) < LEAST_PEERS:
                earlier += rest
            assert sizes.of_others(party) == sorted(earlier)


def test_of_thousands_all_are_put_in_order_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, orders = random.Random(3), 0

    def counted(values: list[float]) -> list[float]:
        nonlocal orders
        orders += 1
        return sorted(values)

    monkeypatch.setattr(peers, "sorted", counted, raising=False)
    now = {f"p{number}": chance.lognormvariate(3, 1) for number in range(5_000)}
    nets = Nets(now, {party: [1.0] for party in now})
    for party in now:
        nets.deviations(party)
    assert orders <= 10
