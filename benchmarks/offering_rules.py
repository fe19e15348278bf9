"""What the correlators on offerings cost for each transfer of a token.

    python -m benchmarks.offering_rules [--events 100000] [--wallets 5000]

Every rule of `sigma_rules/offering_rules` sees every transfer, as in the hot path; those of other
classifications look at that and no further. The tape is a busy token: a tenth is issued, the rest
is sold among wallets, two of three of which belong to an investor. Times are of the processor.
"""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

from detections.correlators.base import correlators
from detections.rules import load_rules
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer

START = 1_767_225_600_000_000_000
UNIT = 10**18
CLASSIFICATIONS = (
    *("reg-d-506b", "reg-s", "reg-a-tier2", "reg-cf", "eu-prospectus-exempt", "registered"),
    "cash",
)
RULES = Path(__file__).parents[1] / "sigma_rules" / "offering_rules"


def tape(count: int, wallets: int, classification: str, seed: int = 7) -> Iterator[TokenTransfer]:
    """The same transfers for the same seed."""
    chance = random.Random(seed)
    addresses = [f"0x{number:040x}" for number in range(1, wallets + 1)]
    investors = [f"INV-{number // 3}" if number % 3 else None for number in range(wallets)]
    held = dict.fromkeys(addresses, 0)
    for number in range(count):
        at = START + number * 12_000_000_000
        to = chance.randrange(wallets)
        source = chance.randrange(wallets)
        issued = chance.random() < 0.1 or not held[addresses[source]]
        amount = UNIT * chance.randrange(1, 1_000)
        if not issued:
            amount = min(amount, held[addresses[source]])
            held[addresses[source]] -= amount
        held[addresses[to]] += amount
        yield TokenTransfer(
            id=f"1:0x{number:064x}:0",
            timestamp=at,
            ingested=at,
            original=f"RAW/{number}/0",
            provider="chain",
            chain_id=1,
            block_number=number,
            block_hash=f"0x{number:064x}",
            transaction_hash=f"0x{number:064x}",
            log_index=0,
            contract="0x" + "e" * 40,
            token_id="acme",
            token_symbol="ACME",
            token_classification=classification,
            source_address=ZERO_ADDRESS if issued else addresses[source],
            source_investor=None if issued else investors[source],
            source_jurisdiction=None if issued else "DE",
            destination_address=addresses[to],
            destination_investor=investors[to],
            destination_jurisdiction=("US", "DE", "FR")[to % 3],
            destination_accreditation=("retail", "accredited", None)[to % 3],
            amount_raw=str(amount),
            amount=amount / UNIT,
            transfer_type="mint" if issued else "transfer",
        )


def main() -> None:
    """Print microseconds for each transfer, by classification and rule."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--wallets", type=int, default=5_000)
    given = arguments.parse_args()
    rules = load_rules([RULES]).correlators
    for classification in CLASSIFICATIONS:
        events = list(tape(given.events, given.wallets, classification))
        costs: dict[str, float] = {}
        alerts = 0
        for rule in rules:
            observe = correlators()[rule.correlator](rule.parameters).observe
            begun = time.process_time()
            for event in events:
                alerts += len(list(observe(event)))
            costs[rule.rule.title] = (time.process_time() - begun) / len(events) * 1e6
        print(f"{classification}: {sum(costs.values()):.1f} us for each transfer, {alerts} alerts")
        for title, cost in sorted(costs.items(), key=lambda pair: -pair[1])[:4]:
            print(f"  {cost:6.2f}  {title}")


if __name__ == "__main__":
    main()
