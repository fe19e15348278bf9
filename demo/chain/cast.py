"""Who takes part: every participant, with account, residence and starting position, as data."""

from __future__ import annotations

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet. `account` is its place among the node's accounts, so its address never changes.

    `tokens` and `cash` are whole units that it starts with.
    """

    name: str
    account: int
    investor_id: str | None = None
    jurisdiction: str | None = None
    accreditation: str | None = None
    cluster: str | None = None
    labels: tuple[str, ...] = ()
    tokens: int = 0
    cash: int = 0
    trades: bool = False
    """Whether it has allowed the pool's router to take its tokens and cash."""
    registered: bool = True
    """Whether it has an identity in the token's registry."""
    shares_identity_of: str | None = None


ISSUER = Member(name="issuer", account=0, labels=("issuer",), registered=False)
AGENT = Member(name="agent", account=1, labels=("agent",), registered=False)
VERIFIER = Member(name="verifier", account=2, registered=False)
TREASURY = Member(
    name="treasury", account=3, jurisdiction="LU", labels=("issuer",), tokens=1_900_000
)
CUSTODIAN = Member(
    name="custodian",
    account=4,
    investor_id="INV-0101",
    jurisdiction="LU",
    accreditation="qualified",
    labels=("custodian",),
    tokens=900_000,
)
MARKET_MAKER = Member(
    name="market maker",
    account=5,
    investor_id="INV-0102",
    jurisdiction="NL",
    accreditation="qualified",
    labels=("market_maker",),
    tokens=1_500_000,
    cash=160_000_000,
    trades=True,
)


def _investor(number: int, country: str, cluster: str | None = None) -> Member:
    return Member(
        name=f"INV-{number:04}",
        account=5 + number,
        investor_id=f"INV-{number:04}",
        jurisdiction=country,
        accreditation="accredited",
        cluster=cluster,
        tokens=20_000,
        cash=2_000_000,
        trades=True,
    )


HONEST = (
    _investor(1, "US"),
    _investor(2, "DE"),
    _investor(3, "FR", cluster="CL-0002"),
    _investor(4, "US"),
    _investor(5, "GB"),
    _investor(6, "CH"),
    _investor(7, "SG"),
    _investor(8, "US"),
    _investor(9, "NL"),
    _investor(10, "DE"),
)
SECOND_WALLET = Member(
    name="INV-0003 second wallet",
    account=16,
    investor_id="INV-0003",
    jurisdiction="FR",
    accreditation="accredited",
    cluster="CL-0002",
    tokens=1_000,
    shares_identity_of="INV-0003",
)
"""An honest investor's own other wallet: moving tokens between the two is no wash trade."""

WASH_OWNERS = tuple(
    Member(
        name=name,
        account=account,
        investor_id=name,
        jurisdiction=country,
        accreditation="accredited",
        cluster="CL-0001",
        tokens=60_000,
        cash=8_000_000,
        trades=True,
    )
    for name, account, country in (("INV-0011", 17, "SG"), ("INV-0012", 18, "CH"))
)
"""Two investors on paper, one beneficial owner."""

INSTITUTION = Member(
    name="INV-0013",
    account=19,
    investor_id="INV-0013",
    jurisdiction="US",
    accreditation="qualified",
    tokens=1_500_000,
)
SANCTIONED = Member(
    name="INV-0014",
    account=20,
    investor_id="INV-0014",
    jurisdiction="AE",
    accreditation="accredited",
    labels=("sanctioned",),
    tokens=8_000,
)
SUSPECT = Member(
    name="INV-0015",
    account=21,
    investor_id="INV-0015",
    jurisdiction="GB",
    accreditation="accredited",
    tokens=12_000,
)
NON_RESIDENT = Member(
    name="INV-0016",
    account=22,
    investor_id="INV-0016",
    jurisdiction="JP",
    accreditation="accredited",
)
"""Verified, but resident where the token may not be held."""
DEBTOR = Member(
    name="INV-0017",
    account=23,
    investor_id="INV-0017",
    jurisdiction="DE",
    accreditation="accredited",
    tokens=15_000,
)
STRANGER = Member(name="stranger", account=24, registered=False)
"""Nobody knows whose wallet this is."""

CAST: tuple[Member, ...] = (
    *(ISSUER, AGENT, VERIFIER, TREASURY, CUSTODIAN, MARKET_MAKER),
    *HONEST,
    *(SECOND_WALLET, *WASH_OWNERS, INSTITUTION, SANCTIONED, SUSPECT, NON_RESIDENT, DEBTOR),
    STRANGER,
)

ALLOWED_COUNTRIES = ("AE", "CH", "DE", "FR", "GB", "LU", "NL", "SG", "US")
