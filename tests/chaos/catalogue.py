"""All scenarios, in the order of the table."""

from tests.chaos.bus_network import BusNetwork
from tests.chaos.clock import ClockJumps, ReceiptJumps
from tests.chaos.forks import ChainNetwork, Forks
from tests.chaos.kills import Kills
from tests.chaos.scenario import Scenario
from tests.chaos.sinks import (
    ElasticsearchKilled,
    ElasticsearchNetwork,
    ElasticsearchRefuses,
    HecRefuses,
)
from tests.chaos.venue import VenueNetwork
from tests.chaos.workers import Frozen, Workers

SCENARIOS: dict[str, type[Scenario]] = {
    one.name: one
    for one in (
        Kills,
        ElasticsearchKilled,
        BusNetwork,
        ChainNetwork,
        VenueNetwork,
        ElasticsearchNetwork,
        ElasticsearchRefuses,
        HecRefuses,
        Forks,
        Workers,
        Frozen,
        ClockJumps,
        ReceiptJumps,
    )
}
