"""The contracts that an EVM source watches."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

_ERC = re.compile(r"(?:erc|eip)[- ]?(\d+)")
#: Names of implementations, and the standards that they follow.
_NAMES = {"t-rex": 3643, "trex": 3643, "cmtat": 1404, "universaltoken": 1400}
#: ERC-1400 is the umbrella of the others.
_OF_1400 = frozenset({1400, 1410, 1594})


class WatchedToken(Struct, frozen=True, kw_only=True):
    """What can be asked about a token's transfers; None for a token that isn't ERC-3643."""

    identity_registry: str | None = None
    compliance: str | None = None
    #: As the reference data has it, such as ``ERC-3643``; more than one may be named.
    standard: str | None = None

    @property
    def standards(self) -> frozenset[int]:
        """The numbers of the standards that the token follows, by what is known of it."""
        text = (self.standard or "").lower()
        numbers = {int(number) for number in _ERC.findall(text)}
        numbers.update(number for name, number in _NAMES.items() if name in text)
        if self.identity_registry is not None or self.compliance is not None:
            numbers.add(3643)
        return frozenset(numbers)

    @property
    def erc_1400(self) -> bool:
        """Whether it is of the ERC-1400 family."""
        return not _OF_1400.isdisjoint(self.standards)


class Watched(Struct, frozen=True):
    """Addresses are lower-case hex with 0x; :meth:`of` takes them in any case."""

    tokens: dict[str, WatchedToken] = field(default_factory=dict[str, WatchedToken])
    #: Pools, identity registries and whatever else emits events that matter.
    others: frozenset[str] = frozenset()
    #: Whose transfers of the chain's own currency matter: wallets in the reference data.
    wallets: frozenset[str] = frozenset()
    #: Oracles' price feeds: what stands behind their proxies is watched too.
    feeds: frozenset[str] = frozenset()
    #: Contracts with many pools (Uniswap v4), and the ids of those whose logs are collected.
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @classmethod
    def of(
        cls,
        tokens: dict[str, WatchedToken] | None = None,
        others: Iterable[str] = (),
        wallets: Iterable[str] = (),
        feeds: Iterable[str] = (),
        pools: Iterable[tuple[str, str]] = (),
    ) -> "Watched":
        """From addresses in any case."""
        ids: dict[str, list[str]] = {}
        for manager, pool in pools:
            ids.setdefault(manager.lower(), []).append(pool.lower())
        return cls(
            tokens={
                address.lower(): WatchedToken(
                    identity_registry=_lower(token.identity_registry),
                    compliance=_lower(token.compliance),
                    standard=token.standard,
                )
                for address, token in (tokens or {}).items()
            },
            others=frozenset(address.lower() for address in others),
            wallets=frozenset(address.lower() for address in wallets),
            feeds=frozenset(address.lower() for address in feeds),
            pools={manager: tuple(sorted(set(known))) for manager, known in ids.items()},
        )

    def with_others(self, addresses: Iterable[str]) -> "Watched":
        """These contracts and more of them."""
        others = self.others.union(address.lower() for address in addresses)
        return Watched(self.tokens, others, self.wallets, self.feeds, self.pools)

    @property
    def addresses(self) -> frozenset[str]:
        """All whose logs and calls are collected, with the tokens' own registries."""
        registries = {
            address
            for token in self.tokens.values()
            for address in (token.identity_registry, token.compliance)
            if address is not None
        }
        return self.others.union(self.tokens, registries, self.feeds)


def _lower(address: str | None) -> str | None:
    return None if address is None else address.lower()


class Addresses:
    """The contracts whose logs are collected: those given, and aggregators that were found.

    Besides them the logs of any contract whose first topic is one of ``topics``, and of the
    contracts in ``pools`` those about pools with these ids.
    """

    def __init__(
        self,
        given: frozenset[str],
        topics: Sequence[str] = (),
        pools: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.all = given
        self.topics = tuple(topics)
        self.pools = {
            manager: tuple(ids) for manager, ids in (pools or {}).items() if manager not in given
        }
        #: Grows with each change.
        self.version = 0

    def add(self, more: Iterable[str]) -> bool:
        """Whether there was a new one among them."""
        found = self.all.union(more)
        if len(found) == len(self.all):
            return False
        self.all = found
        self.version += 1
        return True
