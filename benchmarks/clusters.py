"""How fast clusters are found, and in how much memory.

    python -m benchmarks.clusters [--transfers 1000000] [--wallets 400000]

Transfers of a payment token with degrees as on a chain: few addresses have most of them (Zipf),
among them labelled exchanges, unlabelled hubs and pools; people with several wallets fund these
from one, pay into deposit addresses and send money in circles. First all are taken from EVENTS'
JSON, as after the first start; then, with all that in memory, a tenth of them more, one message of
256 events at a time.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence

import msgspec

from benchmarks.memory import most_resident
from detections.clusters.clustering import Clustering, State
from detections.clusters.links import pair_of
from normalizer.events import Record
from normalizer.events.chain import TokenTransfer
from pipeline.config.clusters import Clusters
from pipeline.process import expect_much_state
from pipeline.units import SECOND

START = 1_767_225_600_000_000_000
BATCH = 256
#: Transfers in one block, and nanoseconds between two blocks.
BLOCK, EVERY = 150, 12 * SECOND
EXCHANGES, HUBS = 12, 40
#: What of a chain's transfers is whose: the rest is among ordinary wallets.
_OF_EXCHANGES, _OF_HUBS = 0.25, 0.15
#: New wallets get their first money from an exchange, but for these.
_FROM_FRIENDS = 0.1
#: People whose wallets have nothing in common but where their first money is from.
_OWN_WAYS = 0.3


class Tape:
    """Makes the transfers, and knows who is behind which wallets."""

    def __init__(self, wallets: int, seed: int = 11) -> None:
        self._chance = random.Random(seed)
        self._wallets = [f"0x{self._chance.getrandbits(160):040x}" for _ in range(wallets)]
        self._exchanges = [f"0x{number:040x}" for number in range(1, EXCHANGES + 1)]
        self._hubs = [f"0x{number:040x}" for number in range(1_000, 1_000 + HUBS)]
        self._number = 0
        #: How many transactions each has signed; of ordinary wallets, most before anybody watched.
        self._signed: dict[str, int] = {
            wallet: round(self._chance.paretovariate(0.7)) - 1 for wallet in self._wallets
        }
        #: Wallets that are one person's: what should be found.
        self.owned: list[Sequence[str]] = []

    def transfers(self, count: int) -> Iterator[TokenTransfer]:
        """So many, in the order of their time."""
        chance = self._chance
        until = self._number + count
        while self._number < until:
            dice = chance.random()
            if dice < 0.002:
                yield from self._person()
                continue
            if dice < 0.0025:
                yield from self._payroll()
                continue
            someone, other = self._someone(), self._someone()
            for one in (someone, other):
                if not self._signed[one]:
                    from_friend = chance.random() < _FROM_FRIENDS
                    friend = chance.choice(self._wallets if from_friend else self._exchanges)
                    yield self._move(friend, one)
                    # What it signs first is seen by half of them; else it called something that
                    # nobody watches.
                    self._signed[one] = chance.choice((0, 0, 1, 2))
                    yield self._move(one, other)
            if dice < _OF_EXCHANGES:
                exchange = chance.choice(self._exchanges)
                yield self._move(*((exchange, someone) if dice < 0.15 else (someone, exchange)))
            elif dice < _OF_EXCHANGES + _OF_HUBS:
                hub = chance.choice(self._hubs)
                yield self._move(*((hub, someone) if chance.random() < 0.5 else (someone, hub)))
            else:
                yield self._move(someone, other)

    def _someone(self) -> str:
        """A wallet: the first ones are met far more often than the others."""
        wallets = self._wallets
        return wallets[min(len(wallets) - 1, int(len(wallets) * self._chance.random() ** 4))]

    def _payroll(self) -> Iterator[TokenTransfer]:
        """An employer that nobody labelled pays strangers, some of whom opened a wallet for it."""
        chance = self._chance
        employer = f"0x{chance.getrandbits(160):040x}"
        yield self._move(chance.choice(self._exchanges), employer)
        paid = [self._someone() for _ in range(chance.randint(4, 12))]
        fresh = [f"0x{chance.getrandbits(160):040x}" for _ in range(chance.randint(0, 4))]
        chance.shuffle(both := [*paid, *fresh])
        for one in both:
            yield self._move(employer, one)
        for one in fresh:
            yield self._move(one, self._someone())

    def _person(self) -> Iterator[TokenTransfer]:
        """Somebody with several wallets: funds them from one source; most use one deposit address.

        The source is no wallet of anybody else's.
        """
        chance = self._chance
        source, deposit, *mine = (
            f"0x{chance.getrandbits(160):040x}" for _ in range(chance.randint(4, 8))
        )
        self.owned.append(mine)
        yield self._move(chance.choice(self._exchanges), source)
        for wallet in mine:
            yield self._move(source, wallet)
        if chance.random() < _OWN_WAYS:
            for wallet in mine:
                yield self._move(wallet, self._someone())
            return
        for wallet in mine:
            paid = self._move(wallet, deposit)
            yield paid
            forwarded = self._move(deposit, chance.choice(self._exchanges))
            forwarded.amount_raw = paid.amount_raw
            yield forwarded

    def _move(self, source: str, destination: str) -> TokenTransfer:
        number = self._number
        self._number += 1
        block, index = divmod(number, BLOCK)
        nonce = self._signed.get(source, 0)
        self._signed[source] = nonce + 1
        transaction = f"0x{number:064x}"
        block_hash = f"0x{block:064x}"
        at = START + block * EVERY
        return TokenTransfer(
            id=f"1:{block_hash}:{transaction}:{index}",
            timestamp=at,
            ingested=at + SECOND,
            original=f"RAW/{block + 1}/0",
            provider="ethereum",
            chain_id=1,
            network="ethereum",
            block_number=block,
            block_hash=block_hash,
            finality="latest",
            transaction_hash=transaction,
            transaction_index=index,
            transaction_from=source,
            transaction_nonce=nonce,
            transaction_to="0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
            transaction_method="transfer",
            log_index=index,
            contract="0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
            source_address=source,
            source_labels=self._labels(source),
            destination_address=destination,
            destination_labels=self._labels(destination),
            amount_raw=str(self._chance.randint(10**6, 10**12)),
            related_hash=(transaction, block_hash),
            related_user=(source, destination),
        )

    def _labels(self, address: str) -> tuple[str, ...]:
        return ("exchange",) if address in self._exchanges else ()


def run(clustering: Clustering, lines: Sequence[bytes]) -> tuple[float, float]:
    """Seconds of the clock, and of the processor, to decode all and take them."""
    decode = msgspec.json.Decoder(Record).decode
    wall, busy = time.perf_counter(), time.process_time()
    for first in range(0, len(lines), BATCH):
        clustering.take([decode(line) for line in lines[first : first + BATCH]])
        clustering.end()
    return time.perf_counter() - wall, time.process_time() - busy


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--transfers", type=int, default=1_000_000)
    parser.add_argument("--wallets", type=int, default=400_000)
    options = parser.parse_args()
    tape = Tape(options.wallets)
    clustering = Clustering(Clusters())
    encode = msgspec.json.Encoder().encode
    part = 50_000
    wall = busy = 0.0
    size = 0
    expect_much_state()  # as the stage does
    before = most_resident() / 2**20
    for first in range(0, options.transfers, part):  # not all lines at once: they are not ours
        lines = [encode(event) for event in tape.transfers(min(part, options.transfers - first))]
        size += sum(map(len, lines))
        took = run(clustering, lines)
        wall, busy = wall + took[0], busy + took[1]
    print(f"{options.transfers:,} transfers of {size / options.transfers:.0f} bytes")
    _tell("from the beginning", options.transfers, wall, busy)
    count = max(BATCH, options.transfers // 10)
    lines = [encode(event) for event in tape.transfers(count)]
    _tell("then", count, *run(clustering, lines))
    state = clustering.state
    print(f"memory: {most_resident() / 2**20:,.0f} MiB at most, of which {before:,.0f} before")
    started = time.perf_counter()
    data = msgspec.msgpack.encode(state)
    encoded = time.perf_counter() - started
    started = time.perf_counter()
    msgspec.msgpack.decode(data, type=State)
    decoded = time.perf_counter() - started
    print(
        f"state: {len(data) / 2**20:,.0f} MiB encoded in {encoded:.1f} s, read in {decoded:.1f} s"
    )
    _judge(tape, state)


def _tell(what: str, count: int, wall: float, busy: float) -> None:
    print(
        f"{what:20} {wall:7.1f} s of the clock, {busy:7.1f} s of one core: "
        f"{count / wall:10,.0f} and {count / busy:10,.0f} transfers/s"
    )


def _judge(tape: Tape, state: State) -> None:
    """What was found of what is there, and what was found that isn't."""
    components = state.components
    person = {wallet: number for number, mine in enumerate(tape.owned) for wallet in mine}
    whole = sum(
        1
        for mine in tape.owned
        if len({components.cluster_of.get(wallet, wallet) for wallet in mine}) == 1
    )
    wrong = sum(
        1
        for cluster in components.clusters.values()
        if len({person.get(member, member) for member in cluster.members}) > 1
    )
    pairs = sum(
        1
        for pair in state.told
        if pair == pair_of(*pair) and person.get(pair[0], pair[0]) != person.get(pair[1], pair[1])
    )
    print(
        f"{len(components.clusters):,} clusters; {whole:,} of {len(tape.owned):,} people are one "
        f"cluster; {wrong:,} clusters have strangers, {pairs:,} links of {len(state.told):,} join "
        f"strangers; {len(state.links.hubs):,} hubs were told by their degree"
    )


if __name__ == "__main__":
    main()
