"""Loads the fixtures of the real parts."""

pytest_plugins = [
    "tests.fixtures.buses",
    "tests.fixtures.chain",
    "tests.fixtures.ecs",
    "tests.fixtures.elasticsearch",
    "tests.fixtures.first_answers",
    "tests.fixtures.float_sums",
    "tests.fixtures.garbage",
    "tests.fixtures.pace",
    "tests.fixtures.handing_out",  # which rests on the one before
    "tests.fixtures.hec",
    "tests.fixtures.kibana",
    "tests.fixtures.nats",
    "tests.fixtures.patience",
    "tests.fixtures.proxy",
    "tests.fixtures.recursion",
    "tests.fixtures.skipped",
    "tests.fixtures.small_disk",
    "tests.fixtures.webhook",
    "tests.fixtures.workers",
]
