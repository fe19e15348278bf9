"""Makes the recorded block of Solana and its events anew.

Run `python -m tests.normalizer.record_solana`. The block has one of each that matters; what becomes
of it is to be read before it is committed.
"""

from pathlib import Path

import msgspec

from normalizer.normalize import encode_event
from tests.normalizer.solana_frames import (
    ALICE,
    BOB,
    CAROL,
    DELEGATE,
    ISSUER,
    Issue,
    key,
    normalized,
    payload,
)
from tests.servers.solana_hook import program_that_returns
from tests.servers.solana_ledger import SolanaLedger
from tests.servers.solana_tokens import memo, read

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    """Write both files."""
    ledger = SolanaLedger()
    consents, refuses = key(500).pubkey(), key(501).pubkey()
    ledger.add_program(consents, program_that_returns(0))
    ledger.add_program(refuses, program_that_returns(6001))
    issue = Issue(ledger, "transfer-hook", "permanent-delegate", "default-account-state")
    token, alice, bob, issuer = issue.token, ALICE.pubkey(), BOB.pubkey(), ISSUER.pubkey()
    issue.create(hook=consents)
    issue.open(ALICE, BOB)
    issue.refuse(token.mint_to(alice, issuer, 1), signers=[ISSUER])
    issue.thaw(ALICE, BOB)
    issue.give(ALICE, 250_000_000_000)
    pay = token.transfer(alice, bob, 1_250_000, read(consents))
    issue.run(pay, memo("invoice 7", alice), signers=[ALICE])
    seize = token.transfer(alice, bob, 5, read(consents), authority=DELEGATE.pubkey())
    issue.run(seize, signers=[DELEGATE])
    issue.run(token.burn(bob, DELEGATE.pubkey(), 5), signers=[DELEGATE])
    issue.run(token.approve(alice, CAROL.pubkey(), 100), signers=[ALICE])
    issue.run(token.revoke(alice), signers=[ALICE])
    issue.run(token.freeze(bob, issuer), signers=[ISSUER])
    issue.refuse(token.transfer(bob, alice, 1, read(consents)), signers=[BOB])
    issue.thaw(BOB)
    issue.run(token.set_transfer_hook(issuer, refuses), signers=[ISSUER])
    issue.refuse(token.transfer(alice, bob, 1, read(refuses)), signers=[ALICE])
    change = token.set_authority(issue.mint.pubkey(), issuer, 0, CAROL.pubkey())
    issue.run(change, signers=[ISSUER])
    content = payload(ledger, ledger.produce(), issue.address)
    GOLDEN.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(content), indent=1)
    (GOLDEN / "solana_block.json").write_bytes(text + b"\n")
    lines = [encode_event(event) + b"\n" for event in normalized(content).events]
    (GOLDEN / "solana_events.ndjson").write_bytes(b"".join(lines))


if __name__ == "__main__":
    main()
