"""All scenarios, in the order of the table."""

from tests.chaos.bus_network import BusNetwork
from tests.chaos.kills import Kills
from tests.chaos.scenario import Scenario
from tests.chaos.sinks import (
    ElasticsearchKilled,
    ElasticsearchNetwork,
    ElasticsearchRefuses,
    HecRefuses,
)

SCENARIOS: dict[str, type[Scenario]] = {
    one.name: one
    for one in (
        Kills,
        ElasticsearchKilled,
        BusNetwork,
        ElasticsearchNetwork,
        ElasticsearchRefuses,
        HecRefuses,
    )
}
