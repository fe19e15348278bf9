"""Frames of Solana as the collector writes them, from a ledger whose transactions really ran."""

from collections.abc import Sequence
from typing import Any

import msgspec
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from normalizer.events import Record
from normalizer.normalize import Normalized, Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from tests.servers.solana_ledger import SlotBlock, SolanaLedger
from tests.servers.solana_tokens import TOKEN_2022, Token, mint_size

FROZEN = 2


def key(number: int) -> Keypair:
    """The same key in every run."""
    return Keypair.from_seed(number.to_bytes(32))


ISSUER, DELEGATE, ALICE, BOB, CAROL = (key(number) for number in range(101, 106))


def address(keypair: Keypair) -> str:
    return str(keypair.pubkey())


class Issue:
    """A token of Token-2022 on a ledger, with accounts for some; made by its issuer."""

    def __init__(
        self,
        ledger: SolanaLedger,
        *extensions: str,
        number: int = 1,
        program: Pubkey = TOKEN_2022,
    ) -> None:
        self.ledger = ledger
        self.mint = key(900 + number)
        self.token = Token(self.mint.pubkey(), program)
        self.extensions = extensions
        ledger.fund(*(one.pubkey() for one in (ISSUER, DELEGATE, ALICE, BOB, CAROL)))

    @property
    def address(self) -> str:
        return address(self.mint)

    def create(self, hook: Pubkey | None = None) -> None:
        """Make the mint, with its extensions."""
        issuer = ISSUER.pubkey()
        make: dict[str, Any] = {
            "transfer-hook": lambda: self.token.with_transfer_hook(issuer, hook),
            "permanent-delegate": lambda: self.token.with_permanent_delegate(DELEGATE.pubkey()),
            "default-account-state": lambda: self.token.with_default_state(FROZEN),
            "transfer-fee": lambda: self.token.with_transfer_fee(issuer, 100, 1_000),
            "pausable": lambda: self.token.with_pausing(issuer),
            "non-transferable": self.token.non_transferable,
            "close-authority": lambda: self.token.with_close_authority(issuer),
            "metadata-pointer": lambda: self.token.with_metadata_pointer(
                issuer, self.mint.pubkey()
            ),
            "interest-bearing": lambda: self.token.with_interest(issuer, 500),
            "confidential-transfer": lambda: self.token.with_confidential_transfers(issuer),
        }
        # Room for metadata is paid for in advance.
        account = create_account(
            CreateAccountParams(
                from_pubkey=self.ledger.payer.pubkey(),
                to_pubkey=self.mint.pubkey(),
                lamports=10**8,
                space=mint_size(*self.extensions),
                owner=self.token.program,
            )
        )
        given = [make[name]() for name in self.extensions]
        self.run(account, *given, self.token.initialize(issuer, issuer), signers=[self.mint])

    def run(self, *instructions: Any, signers: Sequence[Keypair]) -> None:
        """A transaction that must succeed."""
        failed = self.ledger.send(*instructions, signers=signers)
        assert failed is None, failed

    def refuse(self, *instructions: Any, signers: Sequence[Keypair]) -> None:
        """A transaction that must fail."""
        assert self.ledger.send(*instructions, signers=signers) is not None

    def open(self, *owners: Keypair) -> None:
        payer = self.ledger.payer.pubkey()
        self.run(*(self.token.open_account(payer, owner.pubkey()) for owner in owners), signers=[])

    def thaw(self, *owners: Keypair) -> None:
        thaws = (self.token.thaw(owner.pubkey(), ISSUER.pubkey()) for owner in owners)
        self.run(*thaws, signers=[ISSUER])

    def give(self, owner: Keypair, amount: int) -> None:
        self.run(self.token.mint_to(owner.pubkey(), ISSUER.pubkey(), amount), signers=[ISSUER])


def payload(ledger: SolanaLedger, block: SlotBlock, *mints: str) -> dict[str, Any]:
    """What the collector makes of a block when these mints are watched."""
    told = [
        {"index": index, "content": content}
        for index, content in enumerate(block.transactions)
        if any(mint in msgspec.json.encode(content).decode() for mint in mints)
    ]
    return {
        "chain": ledger.chain,
        "network": "solana-test",
        "finality": "safe",
        "slot": block.slot,
        "block": block.answer("none"),
        "transactions": told,
        "mints": [
            {"address": mint, "slot": block.slot, "account": ledger.accounts.get(mint)}
            for mint in mints
        ],
    }


def frame(content: dict[str, Any]) -> Frame:
    position = f"{content['slot']}:{content['block']['blockhash']}"
    received = (content["block"]["blockTime"] + 1) * 10**9
    return Frame(position, received, msgspec.json.encode(content))


def normalized(*contents: dict[str, Any], reference: Reference | None = None) -> Normalized:
    batch = FrameBatch("solana", "solana", [frame(content) for content in contents])
    return Normalizer(reference or Reference()).normalize(7, batch)


def events(*contents: dict[str, Any], reference: Reference | None = None) -> list[Record]:
    """The events behind that of the block; nothing may go to the dead letters."""
    found = normalized(*contents, reference=reference)
    assert found.dead == []
    return [event for event in found.events if event.__struct_config__.tag != "block"]
