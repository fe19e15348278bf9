"""Who takes part at venues: accounts, and whose they are, as reference data says it."""

from pipeline.reference_records import Account, Investor


class People:
    """Investors and their accounts, numbered as they come."""

    def __init__(self, prefix: str = "SIM") -> None:
        self._prefix = prefix
        self._count = 0
        self._accounts: dict[str, list[Account]] = {}
        self._clusters: dict[str, str] = {}
        self._labels: dict[str, tuple[str, ...]] = {}
        self._addresses: dict[str, list[str]] = {}

    def investor(self, *, cluster: str | None = None, labels: tuple[str, ...] = ()) -> str:
        """A new investor; returns its id."""
        self._count += 1
        name = f"{self._prefix}-{self._count:04d}"
        self._accounts[name] = []
        self._addresses[name] = []
        if cluster is not None:
            self._clusters[name] = cluster
        self._labels[name] = labels
        return name

    def account(self, venue: str, investor: str | None = None, **new: str) -> str:
        """A new account, of an investor who may be new; returns its id."""
        owner = investor or self.investor(cluster=new.get("cluster"))
        account = f"A{owner[len(self._prefix) + 1 :]}-{len(self._accounts[owner]) + 1}"
        self._accounts[owner].append(Account(venue=venue, account=account))
        return account

    def open_at(self, venue: str, account: str, investor: str) -> None:
        """The same account name at a further venue."""
        self._accounts[investor].append(Account(venue=venue, account=account))

    def address(self, address: str, investor: str) -> None:
        """A wallet is an investor's."""
        self._addresses[investor].append(address)

    def owner(self, account: str) -> str:
        """The investor that an account is of."""
        return f"{self._prefix}-{account[1:].partition('-')[0]}"

    def records(self) -> tuple[Investor, ...]:
        """All of them, as reference data."""
        return tuple(
            Investor(
                id=name,
                cluster=self._clusters.get(name),
                labels=self._labels[name],
                accounts=tuple(accounts),
                addresses=tuple(self._addresses[name]),
            )
            for name, accounts in self._accounts.items()
        )
