"""Bad luck without end: stages and the bus are killed at random; nothing is lost or doubled.

    python -m tests.end_to_end.chaos --rounds 15 [--seed 7] [--speed original]

Every round replays the recorded session while stages, the bus, and now and then the supervisor get
`kill -9`. The set and number of event and alert ids must be those of an undisturbed run. Not run by
pytest: a round takes about ten seconds.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline.bus.embedded import running_server
from tests.end_to_end.pipeline_run import RECORDED, Installation, Running

VICTIMS = ("collectors", "normalizer", "detections", "delivery", "bus", "supervisor")
ROUND_TIMEOUT = 240


def main() -> int:
    """Run the rounds; 0 when all came out the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--speed", choices=("maximum", "original"), default="maximum")
    parser.add_argument("--keep", type=Path, help="folder for the rounds that failed")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        calm = installation(Path(folder) / "calm", "maximum", random.Random(0))
        with calm.running("--until-done") as run:
            assert run.wait(ROUND_TIMEOUT) == 0, run.tail()
        wanted = outcome(calm)
        print(f"undisturbed: {len(wanted['events'])} events, {len(wanted['alerts'])} alerts")
        bad = 0
        for number in range(arguments.rounds):
            chance = random.Random(f"{arguments.seed}/{number}")
            path = (arguments.keep or Path(folder)) / f"round-{number}"
            disturbed = installation(path, arguments.speed, chance)
            started = time.monotonic()
            killed, error = play(disturbed, chance)
            differences = [error] if error else compare(wanted, outcome(disturbed))
            bad += bool(differences)
            print(
                f"round {number}: {time.monotonic() - started:5.1f} s, killed {killed}: "
                + ("; ".join(differences) or "the same"),
                flush=True,
            )
    print(f"{arguments.rounds - bad} of {arguments.rounds} rounds came out the same")
    return 1 if bad else 0


def installation(path: Path, speed: str, chance: random.Random) -> Installation:
    """One more installation, with batches of its own sizes."""
    path.mkdir(parents=True)
    batch = {"max_frames": chance.choice((1, 3, 16, 256)), "max_delay": "2ms"}
    source = {
        "name": "recording",
        "type": "replay",
        "path": str(RECORDED / "session.jsonl.gz"),
        "speed": speed,
    }
    return Installation(
        path, bus={"type": "embedded", "path": "nats", "batch": batch}, sources=[source]
    )


def play(disturbed: Installation, chance: random.Random) -> tuple[list[str], str]:
    """Run to the end with kills on the way: who was killed, and what went wrong, if anything."""
    killed: list[str] = []
    kills = chance.randint(2, 7)
    deadline = time.monotonic() + ROUND_TIMEOUT
    while True:
        with disturbed.running("--until-done") as run:
            again = False
            while len(killed) < kills and run.process.poll() is None:
                time.sleep(chance.uniform(0.05, 1.5))
                victim = chance.choice(VICTIMS)
                if kill(run, victim):
                    killed.append(victim)
                again = victim == "supervisor" and killed[-1:] == ["supervisor"]
                if again:
                    run.process.wait(10)
                    break
            if again:
                continue
            try:
                code = run.wait(max(1, int(deadline - time.monotonic())))
            except AssertionError as error:
                return killed, str(error)
            return killed, "" if code == 0 else f"exit code {code}: {run.tail()}"


def kill(run: Running, victim: str) -> bool:
    """`kill -9`; False when it does not run at this moment."""
    if victim == "supervisor":
        pid: int | None = run.process.pid if run.process.poll() is None else None
    elif victim == "bus":
        server = running_server(run.installation.folder / "nats")
        pid = server.pid if server is not None else None
    else:
        pid = run.stage_pid(victim)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def outcome(installation: Installation) -> dict[str, Counter[str]]:
    """How often each id is in the sink."""
    return {
        content: Counter(d["event"]["id"] for d in installation.documents(content))
        for content in ("events", "alerts")
    }


def compare(wanted: dict[str, Counter[str]], found: dict[str, Counter[str]]) -> list[str]:
    """What is missing, and what is there too often."""
    differences: list[str] = []
    for content, counts in wanted.items():
        missing, more = counts - found[content], found[content] - counts
        if missing:
            differences.append(
                f"{missing.total()} {content} missing, such as {next(iter(missing))}"
            )
        if more:
            differences.append(f"{more.total()} {content} too many, such as {next(iter(more))}")
    return differences


if __name__ == "__main__":
    sys.exit(main())
