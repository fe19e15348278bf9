"""Which case an alert belongs to: the same for the same alerts, one by one or at once."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.cases.grouping import CaseIndex, Joins, Known, Opens, asset_of, place
from normalizer.events import Alert
from pipeline.config.cases import Cases
from pipeline.units import DAY, HOUR
from tests.evidence.cases.examples import START, alert

SETTINGS = Cases(longest=3 * DAY, most_alerts=4)


def placed(alerts: list[Alert]) -> dict[str, list[str]]:
    """Alerts by case, put one after the other."""
    index, cases = CaseIndex(), dict[str, list[str]]()
    for one in alerts:
        found = place(one, index, SETTINGS, START)
        assert isinstance(found, Joins | Opens)
        if isinstance(found, Opens):
            index.know(
                Known(
                    id=found.case_id, status="open", level=one.level, typology=one.typology,
                    entities=one.entities, asset=asset_of(one),
                )
            )  # fmt: skip
        known = index.get(found.case_id)
        assert known is not None
        known.join(one)
        cases.setdefault(found.case_id, []).append(one.id)
    return cases


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["0xa", "0xb"])), min_size=1, max_size=20
    )
)
def test_no_case_is_longer_larger_or_wider_apart_than_it_may_be(
    made: list[tuple[int, str]],
) -> None:
    alerts = {
        f"alert-{number}": alert(number, after=hours * HOUR, entities=(entity,))
        for number, (hours, entity) in enumerate(made)
    }
    cases = placed(list(alerts.values()))
    assert sorted(one for ids in cases.values() for one in ids) == sorted(alerts)
    for ids in cases.values():
        times = sorted(alerts[one].timestamp for one in ids)
        assert len(ids) <= SETTINGS.most_alerts
        assert times[-1] - times[0] <= SETTINGS.longest
        assert len({alerts[one].entities for one in ids}) == 1
        assert all(b - a <= SETTINGS.window for a, b in pairwise(times))
    assert placed(list(alerts.values())) == cases
