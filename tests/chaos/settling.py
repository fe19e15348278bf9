"""When a running installation has nothing on its way any more."""

import time

from tests.chaos.processes import STAGES
from tests.chaos.scenario import ROUND_TIMEOUT
from tests.end_to_end.pipeline_run import Running


def until_quiet(run: Running) -> None:
    """Wait until all stages say that they have read all there is."""

    def quiet(since: int) -> bool:
        stages = {one["stage"]: one for one in run.stages()}
        fresh = [one for one in stages.values() if one["at"] > since]
        readers = [reader for one in fresh for reader in one["readers"]]
        return len(fresh) >= len(STAGES) and all(r["last"] <= r["position"] for r in readers)

    for _ in STAGES:  # what one stage wrote after its word is what the next one speaks of later
        asked = time.time_ns()
        run.until(lambda asked=asked: quiet(asked), ROUND_TIMEOUT / 2)


__all__ = ["until_quiet"]
