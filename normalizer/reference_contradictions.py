"""What reference data in files says that can't all be so, within a file and between files."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from normalizer.reference import feed_key, pool_key
from pipeline.reference_changes import change_of
from pipeline.reference_records import (
    Investor,
    Pool,
    Reference,
    ReferenceRecord,
    Token,
    compared,
    compared_account,
)

_SECTIONS = Reference.__struct_fields__

#: The way to a value: ``("tokens", 0, "contracts", 1, "address")``.
Way = tuple[str | int, ...]


class Contradiction(Struct, frozen=True):
    """Two values of reference data that can't both be; ``first`` is where the other one stands.

    ``file`` and ``first_file`` are places in the sequence of references that was checked.
    """

    file: int
    path: Way
    message: str
    expected: str | None = None
    first_file: int | None = None
    first: Way | None = None


#: Of which record, and which version of it, something is.
_Owner = tuple[str, str | None]


class _Keys:
    """What was seen, to find what stands there twice."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], tuple[int, Way, _Owner]] = {}
        self.found: list[Contradiction] = []

    def once(
        self,
        key: tuple[Any, ...],
        file: int,
        path: Way,
        message: str,
        owner: _Owner = ("", None),
    ) -> None:
        """``owner``: another version of the same record may have it again."""
        first_file, first, first_owner = self.seen.setdefault(key, (file, path, owner))
        if (first_file, first) == (file, path):
            return
        if owner[0] == first_owner[0] and owner[1] != first_owner[1]:
            return
        self.found.append(Contradiction(file, path, message, first_file=first_file, first=first))


def contradictions(references: Sequence[Reference]) -> list[Contradiction]:
    """Everything that doesn't fit together, within a file and between files."""
    keys = _Keys()
    for file, reference in enumerate(references):
        for section in _SECTIONS:
            for place, record in enumerate(getattr(reference, section)):
                _check_form(keys, file, (section, place), record)
        for place, token in enumerate(reference.tokens):
            _check_token(keys, file, ("tokens", place), token)
        for place, investor in enumerate(reference.investors):
            _check_investor(keys, file, ("investors", place), investor)
        for place, address in enumerate(reference.addresses):
            keys.once(
                ("label", compared(address.address), address.valid_from),
                file,
                ("addresses", place, "address"),
                f"the address {address.address} is labelled twice; put the labels together",
            )
        for place, account in enumerate(reference.accounts):
            keys.once(
                ("account", account.venue, compared_account(account.account)),
                file,
                ("accounts", place, "account"),
                f"the account {account.account} of {account.venue} is an investor's already",
                (f"account {account.investor}", account.valid_from),
            )
        for place, sanction in enumerate(reference.sanctions):
            keys.once(
                ("sanction", compared(sanction.address), sanction.list, sanction.valid_from),
                file,
                ("sanctions", place, "address"),
                f"the address {sanction.address} is on {sanction.list} twice",
            )
        for place, entry in enumerate(reference.lists):
            who = entry.investor or compared(entry.address or "")
            keys.once(
                ("list", entry.list, who, entry.token, entry.valid_from),
                file,
                ("lists", place, "list"),
                f"{who} is on the list {entry.list} twice",
            )
        for place, event in enumerate(reference.corporate_events):
            keys.once(
                ("corporate-event", event.id, event.valid_from),
                file,
                ("corporate_events", place, "id"),
                f"the corporate event {event.id} is there twice",
            )
        for place, venue in enumerate(reference.venues):
            keys.once(
                ("venue", venue.id, venue.valid_from),
                file,
                ("venues", place, "id"),
                f"the calendar of {venue.id} is there twice",
            )
    return keys.found


def _check_form(keys: _Keys, file: int, at: Way, record: ReferenceRecord) -> None:
    try:
        change_of(record)
    except ValueError as error:
        field, _, reason = str(error).partition(": ")
        keys.found.append(Contradiction(file, (*at, field), reason))


def _check_token(keys: _Keys, file: int, at: Way, token: Token) -> None:
    owner = (token.id, token.valid_from)
    keys.once(
        ("token", token.id, token.valid_from),
        file,
        (*at, "id"),
        f"the token id {token.id} is taken",
    )
    for place, contract in enumerate(token.contracts):
        keys.once(
            ("contract", contract.chain, contract.address.lower()),
            file,
            (*at, "contracts", place, "address"),
            f"{contract.address} on chain {contract.chain} is another contract already",
            owner,
        )
    for place, mint in enumerate(token.mints):
        keys.once(
            ("contract", mint.chain, mint.address),
            file,
            (*at, "mints", place, "address"),
            f"{mint.address} on {mint.chain} is another mint already",
            owner,
        )
    for place, instrument in enumerate(token.instruments):
        keys.once(
            ("instrument", instrument.venue, instrument.symbol),
            file,
            (*at, "instruments", place, "symbol"),
            f"{instrument.symbol} of {instrument.venue} is an instrument already",
            owner,
        )
    for place, pool in enumerate(token.pools):
        keys.once(
            ("contract", pool.chain, pool_key(pool)),
            file,
            (*at, "pools", place, "address" if pool.pool_id is None else "pool_id"),
            f"{pool_key(pool)} on chain {pool.chain} is another contract already",
            owner,
        )
        keys.found.extend(_check_pool(file, (*at, "pools", place), token, pool))
    for place, feed in enumerate(token.price_feeds):
        keys.once(
            ("contract", feed.chain, feed_key(feed)),
            file,
            (*at, "price_feeds", place, "address"),
            f"{feed_key(feed)} on chain {feed.chain} is another contract already",
            owner,
        )


def _check_pool(file: int, at: Way, token: Token, pool: Pool) -> list[Contradiction]:
    pair = {pool.token0.lower(), pool.token1.lower()}
    quote = pool.quote.address.lower()
    if len(pair) == 1:
        return [Contradiction(file, (*at, "token1"), "token0 and token1 are the same contract")]
    if quote not in pair:
        message = "the quote asset is not in the pool"
        return [
            Contradiction(file, (*at, "quote", "address"), message, expected="token0 or token1")
        ]
    coins = [coin.lower() for coin in pool.coins]
    if coins and (not pair <= set(coins) or len(set(coins)) < len(coins)):
        message = "the coins must be all different, and token0 and token1 among them"
        return [Contradiction(file, (*at, "coins"), message)]
    (base,) = pair - {quote}
    own = [c.address for c in token.contracts if c.chain == pool.chain]
    if base not in {address.lower() for address in own}:
        message = f"{base} is no contract of token {token.id} on chain {pool.chain}"
        name = "token0" if pool.token0.lower() == base else "token1"
        return [Contradiction(file, (*at, name), message, expected=" or ".join(own) or None)]
    return []


def _check_investor(keys: _Keys, file: int, at: Way, investor: Investor) -> None:
    owner = (investor.id, investor.valid_from)
    keys.once(
        ("investor", investor.id, investor.valid_from),
        file,
        (*at, "id"),
        f"the investor id {investor.id} is taken",
    )
    for place, address in enumerate(investor.addresses):
        keys.once(
            ("wallet", compared(address)),
            file,
            (*at, "addresses", place),
            f"the wallet {address} is an investor's already",
            owner,
        )
    for place, account in enumerate(investor.accounts):
        keys.once(
            ("account", account.venue, compared_account(account.account)),
            file,
            (*at, "accounts", place, "account"),
            f"the account {account.account} of {account.venue} is an investor's already",
            owner,
        )
