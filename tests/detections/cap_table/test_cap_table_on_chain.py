"""The cap table of a real T-REX token on a real node, held against the contract itself.

A state machine does random operations of holders and agents, several in a block, some of which the
token refuses. After each block the table, which knows nothing but the events, must have the
balances and the supply that the contract has. The short form does some 300 operations;
`TAPEWATCH_CAP_TABLE_OPERATIONS=10000` does as many as it says.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from demo.chain.anvil import Anvil, AnvilOptions
from demo.chain.ledger import BATCH_GAS, Ledger
from detections.cap_table.reconciliation import asked, differences
from detections.cap_table.table import CapTable, change_of
from normalizer.events import Record
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.cli.chain_balances import Contract
from pipeline.frames import FrameBatch
from tests.fixtures.chain import HOLDERS
from tests.normalizer.node_blocks import block_frame

pytestmark = pytest.mark.chain

OPERATIONS = int(os.environ.get("TAPEWATCH_CAP_TABLE_OPERATIONS", "300"))
#: Accounts that may replace lost ones.
SPARE = range(13, 29)
WALLETS = st.sampled_from([*HOLDERS])
ANY_WALLET = st.sampled_from([*HOLDERS, *SPARE])
AMOUNTS = st.one_of(st.integers(1, 2_000), st.integers(1, 60_000))


class Market(NamedTuple):
    """A token on a node of its own, and its events so far."""

    node: Anvil
    token: Any
    normalizer: Normalizer
    events: list[Record]
    height: int


class Tally:
    """What all examples did together."""

    def __init__(self) -> None:
        self.operations = 0
        self.refused = 0
        self.comparisons = 0


@pytest.fixture(scope="module")
def market(anvil_is_installed: None) -> Iterator[Market]:
    from demo.chain.trex import Holder, SuiteRoles, TokenTerms
    from demo.chain.trex_suite import deploy_security_token

    with Anvil(AnvilOptions(mining="manual")) as node:
        ledger = Ledger(node)
        accounts = ledger.accounts
        token = deploy_security_token(
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
        token.onboard(
            [
                Holder(
                    address=accounts[one],
                    country="US" if one % 2 else "DE",
                    shares_identity_of=accounts[one - 1] if one == HOLDERS[1] else None,
                )
                for one in HOLDERS
            ]
        )
        ledger.settle([token.mint([(accounts[one], token.units(50_000)) for one in HOLDERS])])
        reference = msgspec.convert(
            {
                "tokens": [
                    {
                        "id": "test",
                        "symbol": "TST",
                        "decimals": 6,
                        "contracts": [
                            {
                                "chain": 31337,
                                "address": token.address,
                                "identity_registry": str(token.identity_registry.address),
                            }
                        ],
                    }
                ]
            },
            Reference,
        )
        found = Market(node, token, Normalizer(reference), [], 0)
        height = int(node.rpc("eth_blockNumber"), 16)
        yield found._replace(events=events_of(found, 1, height), height=height)


def events_of(market: Market, first: int, last: int) -> list[Record]:
    frames = [block_frame(market.node.rpc, number, {}) for number in range(first, last + 1)]
    result = market.normalizer.normalize(1, FrameBatch("chain", "evm", frames))
    assert result.dead == []
    return list(result.events)


class Operations(RuleBasedStateMachine):
    """One example: from the same beginning on the chain."""

    market: Market
    tally: Tally

    def __init__(self) -> None:
        super().__init__()
        market = self.market
        self.node, self.token, self.ledger = market.node, market.token, market.token.ledger
        self.snapshot = self.node.rpc("evm_snapshot")
        self.identities = dict(self.token.identities)
        self.height = market.height
        self.sent: list[str] = []
        self.table = CapTable(31337, self.token.address.lower())
        self.take(market.events)

    def take(self, events: list[Record]) -> None:
        for event in events:
            change = change_of(event)
            if change is not None and change.contract == self.table.contract:
                self.table.take(change)

    def account(self, number: int) -> str:
        return self.ledger.accounts[number]

    def call(self, function: str, *arguments: object, sender: int = 1) -> None:
        """By default the agent's."""
        self.sent.append(
            self.ledger.send(
                self.token.token,
                function,
                *arguments,
                sender=self.account(sender),
                gas=BATCH_GAS // 4,
            )
        )

    # -- operations --------------------------------------------------------------------------------

    @rule(to=ANY_WALLET, amount=AMOUNTS)
    def mint(self, to: int, amount: int) -> None:
        self.call("mint", self.account(to), self.token.units(amount))

    @rule(source=ANY_WALLET, to=ANY_WALLET, amount=AMOUNTS)
    def transfer(self, source: int, to: int, amount: int) -> None:
        self.call("transfer", self.account(to), amount, sender=source)

    @rule(source=WALLETS, to=WALLETS, amount=AMOUNTS)
    def transfer_much(self, source: int, to: int, amount: int) -> None:
        self.call("transfer", self.account(to), self.token.units(amount), sender=source)

    @rule(source=WALLETS, to=st.lists(WALLETS, min_size=1, max_size=4), amount=AMOUNTS)
    def transfer_in_a_batch(self, source: int, to: list[int], amount: int) -> None:
        receivers = [self.account(one) for one in to]
        amounts = [amount + place for place, _ in enumerate(to)]
        self.call("batchTransfer", receivers, amounts, sender=source)

    @rule(to=st.lists(WALLETS, min_size=1, max_size=4), amount=AMOUNTS)
    def mint_in_a_batch(self, to: list[int], amount: int) -> None:
        self.call("batchMint", [self.account(one) for one in to], [amount] * len(to))

    @rule(source=ANY_WALLET, to=WALLETS, amount=AMOUNTS)
    def force(self, source: int, to: int, amount: int) -> None:
        self.call(
            "forcedTransfer", self.account(source), self.account(to), self.token.units(amount)
        )

    @rule(pairs=st.lists(st.tuples(WALLETS, WALLETS), min_size=1, max_size=3), amount=AMOUNTS)
    def force_in_a_batch(self, pairs: list[tuple[int, int]], amount: int) -> None:
        self.call(
            "batchForcedTransfer",
            [self.account(one) for one, _ in pairs],
            [self.account(other) for _, other in pairs],
            [amount] * len(pairs),
        )

    @rule(holder=ANY_WALLET, amount=AMOUNTS)
    def burn(self, holder: int, amount: int) -> None:
        self.call("burn", self.account(holder), self.token.units(amount))

    @rule(holders=st.lists(WALLETS, min_size=1, max_size=3), amount=AMOUNTS)
    def burn_in_a_batch(self, holders: list[int], amount: int) -> None:
        self.call("batchBurn", [self.account(one) for one in holders], [amount] * len(holders))

    @rule(holder=WALLETS, frozen=st.booleans())
    def freeze_a_wallet(self, holder: int, frozen: bool) -> None:
        self.call("setAddressFrozen", self.account(holder), frozen)

    @rule(holder=WALLETS, amount=AMOUNTS)
    def freeze_tokens(self, holder: int, amount: int) -> None:
        self.call("freezePartialTokens", self.account(holder), self.token.units(amount))

    @rule(holder=WALLETS, amount=AMOUNTS)
    def unfreeze_tokens(self, holder: int, amount: int) -> None:
        self.call("unfreezePartialTokens", self.account(holder), self.token.units(amount))

    @rule(lost=ANY_WALLET, spare=st.sampled_from(SPARE))
    def recover(self, lost: int, spare: int) -> None:
        known = self.token.identities
        if self.account(lost) not in known or self.account(spare) in known:
            return  # an identity takes a key once
        self.sent.append(self.token.recover(self.account(lost), self.account(spare)))

    @rule(paused=st.sampled_from([False, False, False, True]))
    def pause_for_a_moment(self, paused: bool) -> None:
        self.call("pause" if paused else "unpause")

    @rule()
    def seal(self) -> None:
        """What was sent comes into a block; then both must say the same."""
        if not self.sent:
            return
        receipts = self.ledger.receipts(self.sent)
        self.tally.operations += len(receipts)
        self.tally.refused += sum(not receipt.succeeded for receipt in receipts)
        self.sent.clear()
        head = int(self.node.rpc("eth_blockNumber"), 16)
        self.take(events_of(self.market, self.height + 1, head))
        self.height = head
        self.table.finish()
        self.compare()

    def compare(self) -> None:
        self.tally.comparisons += 1
        table = self.table
        with Contract(self.node.http_url, 31337, table.contract) as contract:
            contract.check_chain()
            everybody = sorted({*asked(table), *(one.lower() for one in self.ledger.accounts)})
            balances = contract.balances(everybody, self.height, lambda _: None)
            assert differences(table, balances, contract.supply(self.height)) == ()
        for wallet, holder in table.holders.items():
            assert sum(int(lot.amount) for lot in table.lots(wallet)) == holder.balance
        assert table.issued - table.burned == table.supply

    def teardown(self) -> None:
        self.seal()
        for wallet, holder in self.table.holders.items():
            address = self.ledger.web3.to_checksum_address(wallet)
            ask = self.ledger.ask
            assert ask(self.token.token, "isFrozen", address) is holder.frozen
            assert ask(self.token.token, "getFrozenTokens", address) == holder.frozen_amount
        self.token.identities = self.identities
        self.node.rpc("evm_revert", self.snapshot)


def test_the_table_has_what_the_contract_has(market: Market) -> None:
    tally = Tally()
    found = type("Found", (Operations,), {"market": market, "tally": tally})
    steps = 60
    while tally.operations < OPERATIONS:
        # The first example of a run is the least that there is, so a run has several.
        examples = max(8, min(200, (OPERATIONS - tally.operations) // steps))
        run_state_machine_as_test(
            found,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(f"{tally.operations} operations, {tally.refused} of them refused, "
          f"{tally.comparisons} comparisons")  # fmt: skip
    assert tally.comparisons
    # Chance alone makes it more than half in a short run: one closed or frozen early refuses much.
    assert tally.refused < 0.8 * tally.operations, "many operations are done"
