"""One session, its alerts and what is wrong with them, for those who work on a rule:

    python -m simulation.accuracy.one spoofing --intensity 0.5 --seed 7 --verbose

The name is an abuse's or a market's (`liquid`, `linked`, `thin`, `pool`), which is honest then.
"""

import argparse
from collections import Counter
from pathlib import Path

from simulation.accuracy.judging import judge
from simulation.accuracy.offline import run, shipped_rules
from simulation.catalogue import CONDUCTS, COUNTS, MARKETS, play
from simulation.session import WIRE_FORMATS


def main() -> None:
    """Play, run, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=(*CONDUCTS, *MARKETS))
    parser.add_argument("--intensity", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--wire", choices=WIRE_FORMATS, default="order-log")
    parser.add_argument("--rules", type=Path, default=Path("sigma_rules"))
    parser.add_argument("--verbose", action="store_true", help="Every alert, with its reason.")
    told = parser.parse_args()
    session = play(told.name, told.seed, intensity=told.intensity, wire=told.wire)
    outcome = run(session, shipped_rules(told.rules))
    verdicts = judge(session, outcome.alerts, COUNTS)
    print(
        f"{told.name}: {outcome.events} events, {outcome.dead} dead letters, "
        f"{outcome.failures} failures of rules, {outcome.events / outcome.seconds:,.0f} events/s"
    )
    for episode, found in zip(session.episodes, verdicts.episodes, strict=True):
        what = "missed" if found.seconds is None else f"found after {found.seconds:.1f} s"
        if found.seconds is None and found.related:
            what = "missed, but for related alerts"
        print(f"  {what}: {episode.note}; {', '.join(episode.parties[:3])}; {found.rules}")
    counted = Counter((one.verdict, one.level, one.rule) for one in verdicts.alerts)
    for (verdict, level, rule), count in sorted(counted.items()):
        print(f"  {count:5} {verdict:8} {level:9} {rule}")
    if told.verbose:
        for alert in outcome.alerts:
            print(f"    {alert.level} {alert.typology} {alert.risk_score:.0f}: {alert.reason}")


if __name__ == "__main__":
    main()
