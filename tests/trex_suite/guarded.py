"""A token under all of T-REX's modules at once, and what the rules say of what is done to it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from web3.contract import Contract

from collectors.evm import Watched, WatchedToken
from detections.engine.engine import Engine
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import FrameBatch
from tests.collectors.checked_transfers import frames_of, height
from tests.fixtures.chain import HOLDERS, NON_RESIDENT, UNREGISTERED
from tests.fixtures.shipped_rules import shipped_rules
from tests.trex_suite.operations import MODULES
from tests.trex_suite.operator import Operator

RULES = shipped_rules()
DAY = 86_400


class Guarded:
    """All eleven modules are in and set so that holders may move up to 100 tokens a day."""

    def __init__(self, by: Operator) -> None:
        self.by = by
        accounts = by.ledger.accounts
        self.alice, self.bob, self.exchange, self.collector = (
            *(by.alice, by.bob, by.carol),
            accounts[HOLDERS[4]],
        )
        self.foreigner, self.stranger = accounts[NON_RESIDENT], accounts[UNREGISTERED]
        self.newcomer = by.wallet()
        self.objected: set[str] = set()
        """Modules that said no to what was refused, asked just before."""
        self.token, self.registry = by.token.token, by.token.identity_registry
        self.compliance = by.token.compliance
        self.modules = {name: by.module(name) for name in MODULES}
        by.do(self.token, "addAgent", self["TransferFeesModule"].address)
        for module in self.modules.values():
            by.do(self.compliance, "addModule", module.address)
        for address in by.ledger.ask(self.compliance, "getModules"):
            name = str(by.ledger.ask(by.chain.contract("MaxBalanceModule", address), "name"))
            self.modules[name] = by.chain.contract(name, address)
        self._set_up()
        self.known = self._known()

    def __getitem__(self, module: str) -> Contract:
        return self.modules[module]

    def _set_up(self) -> None:
        by, exchange = self.by, self.by.token.identities[self.exchange]
        for name in ("ExchangeMonthlyLimitsModule", "TimeExchangeLimitsModule"):
            by.do(self[name], "addExchangeID", exchange)
        limit = by.token.units(100)
        for name, function, arguments in (
            ("CountryRestrictModule", "addCountryRestriction", (408,)),
            ("ExchangeMonthlyLimitsModule", "setExchangeMonthlyLimit", (exchange, limit // 4)),
            ("TimeExchangeLimitsModule", "setExchangeLimit", (exchange, (DAY, limit // 2))),
            ("TimeTransfersLimitsModule", "setTimeTransferLimit", ((DAY, limit),)),
            ("TransferRestrictModule", "batchAllowUsers", ([self.alice, self.bob],)),
            ("TransferFeesModule", "setFee", (100, self.collector)),
            ("TokenListingRestrictionsModule", "configureToken", (2,)),
        ):
            by.set(self[name], function, *arguments)

    def _known(self) -> tuple[Watched, Reference]:
        by = self.by
        registry, compliance = str(self.registry.address), str(self.compliance.address)
        modules = [str(one.address) for one in self.modules.values()]
        parts = {
            "trusted_issuers_registry": by.part(
                "issuersRegistry", "TrustedIssuersRegistry"
            ).address,
            "claim_topics_registry": by.part("topicsRegistry", "ClaimTopicsRegistry").address,
            "identity_storage": by.part("identityStorage", "IdentityRegistryStorage").address,
        }
        contract = {
            "chain": 31337,
            "address": by.token.address,
            "identity_registry": registry,
            "compliance": compliance,
            "compliance_modules": modules,
            **parts,
        }
        token = {"id": "tst", "symbol": "TST", "standard": "ERC-3643", "decimals": 6}
        wallets = [*(by.ledger.accounts[place] for place in HOLDERS), self.newcomer, self.foreigner]
        people = [
            {
                "id": f"INV-{place:04}",
                "jurisdiction": "JP" if wallet == self.foreigner else "DE",
                "addresses": [wallet],
            }
            for place, wallet in enumerate(wallets)
        ]
        labels = [
            {"address": by.owner, "labels": ["issuer"]},
            {"address": by.agent, "labels": ["agent"]},
        ]
        reference = msgspec.convert(
            {"tokens": [{**token, "contracts": [contract]}], "investors": people}
            | {"addresses": labels},
            Reference,
        )
        asked = WatchedToken(identity_registry=registry, compliance=compliance, standard="ERC-3643")
        others = [*modules, *(str(one) for one in parts.values())]
        return Watched.of({by.token.address: asked}, others=others), reference

    def required_topic(self) -> int:
        """The first claim that every investor needs."""
        topics = self.by.part("topicsRegistry", "ClaimTopicsRegistry")
        return int(self.by.ledger.ask(topics, "getClaimTopics")[0])

    def country_of(self, wallet: str) -> int:
        return int(self.by.ledger.ask(self.registry, "investorCountry", wallet))

    def approve(self, sender: str, receiver: str, tokens: int) -> None:
        """The transfer has the approval that ConditionalTransferModule asks for."""
        terms = (sender, receiver, self.by.token.units(tokens))
        self.by.set(self["ConditionalTransferModule"], "approveTransfer", *terms)

    def moves(self, sender: str, receiver: str, tokens: int = 10) -> None:
        """A transfer that goes through."""
        self.by.do(self.token, "transfer", receiver, self.by.token.units(tokens), sender=sender)

    def tries(self, contract: Contract, function: str, *arguments: object, sender: str) -> None:
        """A call that is mined and refused."""
        send = self.by.ledger.send
        (receipt,) = self.by.ledger.receipts([send(contract, function, *arguments, sender=sender)])
        assert not receipt.succeeded

    def refused(self, sender: str, receiver: str, tokens: int = 10) -> None:
        """A transfer that is refused."""
        amount = self.by.token.units(tokens)
        if self.by.ledger.ask(self.registry, "contains", receiver):
            self.judge(sender, receiver, tokens)
        self.tries(self.token, "transfer", receiver, amount, sender=sender)

    def judge(self, sender: str, receiver: str, tokens: int) -> None:
        """Ask all modules what they say of a transfer."""
        terms = (sender, receiver, self.by.token.units(tokens), self.compliance.address)
        for name, module in self.modules.items():
            if not self.by.ledger.ask(module, "moduleCheck", *terms):
                self.objected.add(name)

    def forces(self, sender: str, receiver: str, tokens: int = 10) -> None:
        amount = self.by.token.units(tokens)
        self.by.by_agent(self.token, "forcedTransfer", sender, receiver, amount)

    def in_one_block(self, *send: Callable[[], str]) -> None:
        """What these send, sealed together and in this order; all of it succeeds."""
        node = self.by.ledger.node
        node.rpc("evm_setAutomine", False)
        try:
            hashes = [one() for one in send]
            node.mine()
        finally:
            node.rpc("evm_setAutomine", True)
        assert len({one.height for one in self.by.ledger.settle(hashes)}) == 1

    def told(self, module: str, function: str, *arguments: object) -> Callable[[], str]:
        """Sends a call of a module, by way of the compliance contract; for `in_one_block`."""
        data = self[module].encode_abi(function, args=list(arguments))
        return self.sent(self.compliance, "callModuleFunction", data, self[module].address)

    def sent(
        self, contract: Contract, function: str, *arguments: object, sender: str | None = None
    ) -> Callable[[], str]:
        """Sends a call, by default of the owner; for `in_one_block`."""
        who = sender or self.by.owner
        return lambda: self.by.ledger.send(contract, function, *arguments, sender=who)

    async def alerts(self, first: int) -> list[str]:
        """Titles of the alerts about the blocks from ``first`` on, in alphabetical order."""
        node = self.by.ledger.node
        frames = await frames_of(node, node.ws_url, self.known[0], first, identities=True)
        result = Normalizer(self.known[1]).normalize(1, FrameBatch("chain", "evm", frames))
        assert result.dead == []
        engine = Engine(RULES)
        given = [*engine.process(result.events), *engine.finish()]
        assert engine.take_problems() == []
        return sorted(alert.rule_name for alert in given)

    @property
    def next_block(self) -> int:
        return height(self.by.ledger.node) + 1
