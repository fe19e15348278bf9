"""Whom a case is about: each investor once, with the accounts, wallets and clusters seen."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, field

from normalizer.events import Alert, Record


class Party(Struct, kw_only=True):
    """Somebody whom the alerts are about."""

    #: The pseudonymous id of the investor; else the account or wallet, where nobody is behind it.
    key: str
    accounts: list[str] = field(default_factory=list[str])
    wallets: list[str] = field(default_factory=list[str])
    #: ISO 3166-1 alpha-2, as the reference data had it.
    jurisdiction: str | None = None
    accreditation: str | None = None
    #: Which others are taken for the same owner's.
    cluster: str | None = None


class _Names(NamedTuple):
    """Fields of events that name one party, and what was known of it."""

    name: str
    investor: str
    cluster: str
    jurisdiction: str = ""
    accreditation: str = ""


_NAMES = (
    *(
        _Names(
            name,
            "investor_id",
            "investor_cluster",
            "investor_jurisdiction",
            "investor_accreditation",
        )
        for name in ("investor_account", "investor_address", "transaction_from")
    ),
    _Names("buyer_account", "buyer_id", "buyer_cluster"),
    _Names("seller_account", "seller_id", "seller_cluster"),
    _Names(
        "source_address",
        "source_investor",
        "source_cluster",
        "source_jurisdiction",
        "source_accreditation",
    ),
    _Names(
        "destination_address",
        "destination_investor",
        "destination_cluster",
        "destination_jurisdiction",
        "destination_accreditation",
    ),
)


def parties_of(
    entities: Sequence[str], alerts: Sequence[Alert], events: Sequence[Record]
) -> list[Party]:
    """The parties, by their keys. A cluster is no party: its members are, as far as events name
    them; one without any stays, so that nobody is lost."""
    seen: dict[str, Party] = {}
    behind: dict[str, str] = {}
    for event in events:
        for names in _NAMES:
            name, investor = _told(event, names.name), _told(event, names.investor)
            if names.name == "transaction_from" and _told(event, "investor_address") != name:
                # Who signed is the party only where the event says so: else it is an agent.
                continue
            key = investor or name
            if key is None:
                continue
            party = seen.setdefault(key, Party(key=key))
            party.jurisdiction = _told(event, names.jurisdiction) or party.jurisdiction
            party.accreditation = _told(event, names.accreditation) or party.accreditation
            party.cluster = _told(event, names.cluster) or party.cluster
            if name is not None:
                behind[name] = key
                _place(party, name)
    members: dict[str, list[str]] = {}
    for party in seen.values():
        if party.cluster is not None:
            members.setdefault(party.cluster, []).append(party.key)
    found: dict[str, Party] = {}
    for name in dict.fromkeys([*entities, *(one for alert in alerts for one in alert.entities)]):
        for key in members.get(name, [behind.get(name, name)]):
            found[key] = seen.get(key) or _unseen(key)
    return [found[key] for key in sorted(found)]


def _unseen(key: str) -> Party:
    """Whom only an alert names: an account or a wallet, unless it says that it is an investor."""
    party = Party(key=key)
    if not key.lower().startswith("inv-"):
        _place(party, key)
    return party


def _told(event: Record, name: str) -> str | None:
    found = getattr(event, name, None) if name else None
    return found if isinstance(found, str) and found else None


def _place(party: Party, name: str) -> None:
    chosen = party.wallets if name.startswith("0x") else party.accounts
    if name not in chosen:
        chosen.append(name)
        chosen.sort()
