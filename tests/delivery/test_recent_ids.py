"""Remembering ids in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.recent_ids import RecentIds


@given(
    least=st.integers(1, 20),
    batches=st.lists(st.lists(st.integers(0, 200), max_size=10), max_size=30),
)
def test_the_last_ids_are_always_known_and_the_memory_is_bounded(
    least: int, batches: list[list[int]]
):
    recent = RecentIds(least)
    added: list[str] = []
    for batch in batches:
        names = [str(n) for n in batch]
        recent.add(names)
        added.extend(names)
        assert all(name in recent for name in added[-least:])
        assert len(recent) <= 2 * (least + 10)
    recent.clear()
    assert not any(name in recent for name in added)
