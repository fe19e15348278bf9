"""The contracts that an EVM source watches."""

from collections.abc import Iterable

from msgspec import Struct, field


class WatchedToken(Struct, frozen=True, kw_only=True):
    """What can be asked about a token's refused transfers; None for a token that isn't ERC-3643."""

    identity_registry: str | None = None
    compliance: str | None = None


class Watched(Struct, frozen=True):
    """Addresses are lower-case hex with 0x; :meth:`of` takes them in any case."""

    tokens: dict[str, WatchedToken] = field(default_factory=dict[str, WatchedToken])
    #: Pools, identity registries and whatever else emits events that matter.
    others: frozenset[str] = frozenset()
    #: Whose transfers of the chain's own currency matter: wallets in the reference data.
    wallets: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        tokens: dict[str, WatchedToken] | None = None,
        others: Iterable[str] = (),
        wallets: Iterable[str] = (),
    ) -> "Watched":
        """From addresses in any case."""
        return cls(
            tokens={
                address.lower(): WatchedToken(
                    identity_registry=_lower(token.identity_registry),
                    compliance=_lower(token.compliance),
                )
                for address, token in (tokens or {}).items()
            },
            others=frozenset(address.lower() for address in others),
            wallets=frozenset(address.lower() for address in wallets),
        )

    def with_others(self, addresses: Iterable[str]) -> "Watched":
        """These contracts and more of them."""
        others = self.others.union(address.lower() for address in addresses)
        return Watched(self.tokens, others, self.wallets)

    @property
    def addresses(self) -> frozenset[str]:
        """All whose logs and calls are collected, with the tokens' own registries."""
        registries = {
            address
            for token in self.tokens.values()
            for address in (token.identity_registry, token.compliance)
            if address is not None
        }
        return self.others.union(self.tokens, registries)


def _lower(address: str | None) -> str | None:
    return None if address is None else address.lower()
