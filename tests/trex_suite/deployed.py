"""A token with its suite on a node of its own, from the first block on."""

from __future__ import annotations

from demo.chain.anvil import Anvil
from demo.chain.ledger import Ledger
from demo.chain.trex import Holder, SecurityToken, SuiteRoles, TokenTerms
from demo.chain.trex_suite import deploy_security_token
from tests.fixtures.chain import HOLDERS, NON_RESIDENT
from tests.trex_suite.operator import Operator
from tests.trex_suite.traced_chain import TracedChain


def deploy(node: Anvil) -> Operator:
    """The token, eight holders with 100,000 each, and a verified investor from elsewhere."""
    ledger = Ledger(node)
    accounts = ledger.accounts
    token: SecurityToken = deploy_security_token(
        ledger,
        SuiteRoles(issuer=accounts[0], agent=accounts[1], verifier=accounts[2]),
        TokenTerms(
            name="Test Share",
            symbol="TST",
            decimals=6,
            allowed_countries=("US", "DE"),
            max_balance=500_000,
            supply_limit=5_000_000,
        ),
    )
    holders = [Holder(address=accounts[one], country="US" if one % 2 else "DE") for one in HOLDERS]
    token.onboard([*holders, Holder(address=accounts[NON_RESIDENT], country="JP")])
    ledger.settle([token.mint([(one.address, token.units(100_000)) for one in holders])])
    return Operator(token, TracedChain(ledger))
