"""Reference facts of the demo's market: the product, and who stands behind each account.

An account's id is what the venue prints as `user_id`. Investor ids, clusters and labels are what a
compliance department knows from onboarding; no feed carries them.
"""

import uuid

import msgspec

from demo.venue.order_book import Owner
from demo.venue.product import Product

PRODUCT = Product(id="ACME-USD", base_currency="ACME", quote_currency="USD")
"""The venue's market of the on-chain token ACME: tick 0.01 USD, lot 0.01 ACME."""

_PROFILES = uuid.UUID("6f1d6a52-3b0e-4d6b-9d57-6d1c6a0f7b11")


class AccountFact(msgspec.Struct, frozen=True, kw_only=True):
    """One trading account. `jurisdiction` is ISO 3166 alpha-2; `cluster` joins investors under one
    beneficial control, None where the investor stands alone."""

    account: str
    investor: str
    jurisdiction: str
    accreditation: str
    cluster: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def owner(self) -> Owner:
        """As the matching engine knows the account."""
        return Owner(self.account, str(uuid.uuid5(_PROFILES, self.account)))


def _fact(
    name: str,
    number: int,
    jurisdiction: str,
    accreditation: str,
    *labels: str,
    cluster: str | None = None,
) -> AccountFact:
    return AccountFact(
        account=f"acct-{name}",
        investor=f"INV-{number}",
        jurisdiction=jurisdiction,
        accreditation=accreditation,
        cluster=cluster,
        labels=labels,
    )


HARBOR = _fact("harbor", 1001, "US", "qualified", "market_maker")
BEACON = _fact("beacon", 1002, "US", "qualified", "market_maker")
ANCHOR = _fact("anchor", 1003, "LU", "qualified", "market_maker")
JUNIPER = _fact("juniper", 1010, "CH", "qualified")
HAZEL = _fact("hazel", 1011, "US", "accredited")
LINDEN = _fact("linden", 1020, "US", "accredited")
MAPLE = _fact("maple", 1021, "DE", "qualified")
WILLOW = _fact("willow", 1022, "SG", "accredited")
CEDAR = _fact("cedar", 1023, "US", "accredited")
SWIFT = _fact("swift", 1030, "US", "qualified", "algorithmic")
GRANITE = _fact("granite", 1040, "US", "qualified", "fund")
BIRCH = _fact("birch", 1041, "GB", "qualified", "fund")
OAK = _fact("oak", 1042, "CH", "qualified", "fund")
POPLAR = _fact("poplar", 1043, "US", "accredited")
ROWAN = _fact("rowan", 1044, "FR", "qualified")
ELM = _fact("elm", 1045, "US", "qualified", "issuer_affiliate")
MIRAGE = _fact("mirage", 1060, "AE", "qualified", "algorithmic")
ECHO = _fact("echo", 1061, "US", "accredited")
ONYX = _fact("onyx", 1062, "CY", "qualified", cluster="cluster-17")
OPAL = _fact("opal", 1063, "VG", "qualified", cluster="cluster-17")

MARKET_MAKERS = (HARBOR, BEACON, ANCHOR)
RESTING_INVESTORS = (JUNIPER, HAZEL)
TAKERS = (LINDEN, MAPLE, WILLOW, CEDAR)

ACCOUNTS: tuple[AccountFact, ...] = (
    *MARKET_MAKERS,
    *RESTING_INVESTORS,
    *TAKERS,
    SWIFT,
    GRANITE,
    BIRCH,
    OAK,
    POPLAR,
    ROWAN,
    ELM,
    MIRAGE,
    ECHO,
    ONYX,
    OPAL,
)
