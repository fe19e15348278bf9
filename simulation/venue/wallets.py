"""Parties that are wallets of a chain: nobody knows whose they are, and the chain shows what they
send each other."""

from collections.abc import Sequence

from pipeline.reference_records import Account, Investor, LabelledAddress
from pipeline.units import SECOND
from simulation.chain.ledger import BLOCK_SECONDS, Ledger, LogEntry
from simulation.clockwork import Script
from simulation.venue.market import Market
from simulation.venue.people import People

ETHER = 10**18


class Wallets(People):
    """Accounts that are addresses."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("W")
        self._ledger = ledger
        self._known: list[Investor] = []

    def maker(self, venue: str) -> str:
        """A market maker's wallet: the venue knows it as one."""
        wallet = self._ledger.new_address()
        self._known.append(
            Investor(
                id=f"MM-{len(self._known) + 1}",
                labels=("market_maker",),
                addresses=(wallet,),
                accounts=(Account(venue=venue, account=wallet),),
            )
        )
        return wallet

    def account(self, venue: str, investor: str | None = None, **new: str) -> str:
        """A new wallet."""
        return self._ledger.new_address()

    def owner(self, account: str) -> str:
        """Nobody knows more of a wallet than its address."""
        return account

    def records(self) -> tuple[Investor, ...]:
        """Market makers, and nobody else."""
        return tuple(self._known)


class WalletMarket(Market):
    """A market beside a chain, on which its parties' wallets are."""

    def __init__(self, kind: str, seed: int, start: int) -> None:
        super().__init__(kind, seed, start)
        self.ledger = Ledger(f"{kind}:{seed}")
        self.wallets = Wallets(self.ledger)
        self.people = self.wallets
        self.addresses: list[LabelledAddress] = []
        self._open = False

    def send(
        self,
        sender: str,
        to: str,
        logs: Sequence[LogEntry] = (),
        *,
        data: str = "0x",
        value: int = 0,
    ) -> None:
        """A transaction, in the next block."""
        self.ledger.send(sender, to, logs, data=data, value=value)
        if not self._open:
            self._open = True
            self.begin(self._block(), BLOCK_SECONDS - self.clockwork.now / SECOND % BLOCK_SECONDS)

    def label(self, address: str, *labels: str) -> None:
        """Reference data knows what an address is."""
        self.addresses.append(LabelledAddress(address=address, labels=labels))

    def _block(self) -> Script:
        self.ledger.close_block(self.clockwork.now)
        self._open = False
        yield from ()
