"""A set in force that another version put there: what this one can't read of it stops nothing."""

from pathlib import Path

import pytest
import structlog

from detections.lanes.rules_in_force import RulesInForce
from detections.rules.archived import read_rule_files
from tests.detections.replay.live_run import publish, taken
from tests.detections.samples import HEADER
from tests.detections.test_rule_change import Site, large, sent, site

__all__ = ["site"]

#: As an older version knew it: its correlator has another name now.
OLD = (
    HEADER.replace("A rule", "Turned").replace("7d0f3a6e", "44444444").strip()
    + "\ncorrelator: gone_since\nparameters: {window: 1h}\n"
)
#: The same rule, as this version reads it.
NEW = (
    HEADER.replace("A rule", "Turned").replace("7d0f3a6e", "44444444").strip()
    + "\nlogsource: {product: tapewatch, service: chain}\n"
    + "detection: {s: {token.amount|gte: 500}, condition: s}\n"
)


@pytest.fixture
async def upgraded(site: Site, tmp_path: Path) -> Site:
    """What an older version left: its rules are in force, and its detections were behind."""
    site.write("large.yml", large(100))
    site.write("turned.yml", OLD)
    site.write("over.yml", OLD.replace("44444444", "55555555").replace("Turned", "Over"))
    in_force = await RulesInForce.open(site.bus)
    await in_force.remember(await in_force.archive.put(read_rule_files([tmp_path / "rules"])))
    await publish(site.bus, [sent(1, 150)], [sent(2, 600)])
    site.write("turned.yml", NEW)
    site.remove("over.yml")
    return site


async def test_the_other_rules_go_on_and_it_is_told_which_watch_nothing(upgraded: Site) -> None:
    change = await upgraded.reload()
    await publish(upgraded.bus, [sent(3, 600)])
    with structlog.testing.capture_logs() as logs:
        async with upgraded.live():
            pass

    assert await upgraded.alerts() == [
        ("Large", ("transfer-1",)),
        ("Large", ("transfer-2",)),
        ("Large", ("transfer-3",)),
        ("Turned", ("transfer-3",)),
        ("Burst", ("transfer-1", "transfer-2", "transfer-3")),
    ]
    assert [
        (one["title"], one["log_level"]) for one in logs if "can't be read" in one["event"]
    ] == [
        ("Over", "error"),
        ("Turned", "error"),
    ]
    assert change is not None
    assert (change.added, change.changed, change.removed) == ((), ("Turned",), ("Over",))


async def test_what_was_in_force_stays_so_until_others_are(upgraded: Site) -> None:
    async with upgraded.live():
        await taken(upgraded.bus)

    assert await upgraded.alerts() == [("Large", ("transfer-1",)), ("Large", ("transfer-2",))]


async def test_a_replay_says_what_it_could_not_run(upgraded: Site) -> None:
    await upgraded.reload()
    async with upgraded.live():
        pass

    found, _ = await upgraded.replayed()

    assert found.agrees
    assert [note.partition(": ")[2].partition(",")[0] for note in found.notes] == [
        "Over is left out",
        "Turned is left out",
    ]
