"""Blocks of Solana become events. Every transaction here ran on the real token programs."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from msgspec import Raw
from solders.pubkey import Pubkey

from normalizer.decoders.solana_base58 import decode, encode
from normalizer.decoders.solana_mint import read_mint
from normalizer.decoders.solana_token_events import records_of
from normalizer.decoders.solana_token_instructions import known_instructions
from normalizer.decoders.solana_wire import read_account
from normalizer.events import ChainEvent, Record
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ContractWired,
    RoleGranted,
    RoleRevoked,
    TokenApproval,
    TokenPaused,
    TokenTransfer,
    TokenTransferRefused,
    TokenUnpaused,
    WalletFrozen,
    WalletUnfrozen,
)
from normalizer.events.ecs import nest, parse
from normalizer.events.solana import (
    MintInitialized,
    ProgramInstruction,
    TokenAccountClosed,
    TokenAccountOpened,
)
from normalizer.normalize import encode_event
from normalizer.reference import Reference
from pipeline.chain_ids import chain_number
from pipeline.reference_records import Investor, LabelledAddress, Mint, Token
from tests.normalizer.solana_frames import (
    ALICE,
    BOB,
    CAROL,
    DELEGATE,
    ISSUER,
    Issue,
    address,
    events,
    key,
    normalized,
    payload,
)
from tests.servers.ecs_schema import EcsSchema
from tests.servers.solana_hook import program_that_returns
from tests.servers.solana_ledger import SlotBlock, SolanaLedger
from tests.servers.solana_tokens import TOKEN, memo, read, sign, write

T = TypeVar("T", bound=Record)
CONSENTS, REFUSES = key(500).pubkey(), key(501).pubkey()
REFUSAL = 6001
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def ledger() -> SolanaLedger:
    ledger = SolanaLedger()
    ledger.add_program(CONSENTS, program_that_returns(0))
    ledger.add_program(REFUSES, program_that_returns(REFUSAL))
    return ledger


def issued(ledger: SolanaLedger, *extensions: str, **options: Any) -> Issue:
    """A token of which Alice and Bob have accounts, and Alice 1,000 whole ones; in a block."""
    issue = Issue(ledger, *extensions, **options)
    issue.create(hook=CONSENTS)
    issue.open(ALICE, BOB)
    if "default-account-state" in extensions:
        issue.thaw(ALICE, BOB)
    issue.give(ALICE, 1_000_000_000)
    ledger.produce()
    return issue


def told(issue: Issue, block: SlotBlock | None = None, **options: Any) -> list[Record]:
    block = issue.ledger.produce() if block is None else block
    return events(payload(issue.ledger, block, issue.address), **options)


def only(found: list[Record], kind: type[T]) -> T:
    (event,) = found
    assert isinstance(event, kind)
    return event


def test_a_transfer_is_between_wallets_and_names_their_accounts(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 1_500_000), signers=[ALICE])
    block = ledger.produce()
    event = only(told(issue, block), TokenTransfer)
    assert (event.source_address, event.destination_address) == (address(ALICE), address(BOB))
    assert event.source_account == str(issue.token.account(ALICE.pubkey()))
    assert event.destination_account == str(issue.token.account(BOB.pubkey()))
    assert (event.amount_raw, event.amount) == ("1500000", 1.5)
    assert event.transfer_type == "transfer"
    assert event.authority == address(ALICE)
    assert event.contract == event.token_address == issue.address
    assert event.program == str(issue.token.program)
    assert event.transaction_hash == block.transactions[0]["transaction"]["signatures"][0]
    assert event.transaction_from == address(ledger.payer)
    assert (event.block_number, event.block_hash) == (block.slot, block.hash)
    assert event.timestamp == block.time * 10**9
    assert event.chain_name == ledger.chain
    assert event.chain_id == chain_number(ledger.chain)
    assert event.dataset == "tapewatch.solana"
    assert event.id == f"{event.chain_id}:{block.hash}:{event.transaction_hash}:0"
    assert {address(ALICE), address(BOB)} <= set(event.related_user)
    assert {event.transaction_hash, block.hash} == set(event.related_hash)


def test_a_transfer_that_names_no_mint_is_told_by_the_balances(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.run(issue.token.plain_transfer(ALICE.pubkey(), BOB.pubkey(), 7), signers=[ALICE])
    event = only(told(issue), TokenTransfer)
    assert (event.contract, event.amount_raw) == (issue.address, "7")


def test_the_largest_amount_stays_exact(ledger: SolanaLedger) -> None:
    issue = Issue(ledger)
    issue.create()
    issue.open(ALICE)
    issue.give(ALICE, 2**64 - 1)
    event = told(issue)[-1]
    assert isinstance(event, TokenTransfer)
    assert event.amount_raw == "18446744073709551615"
    assert event.transfer_type == "mint"


def test_minted_tokens_come_from_nobody_and_burned_ones_go_there(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.give(ALICE, 5)
    issue.run(issue.token.burn(ALICE.pubkey(), ALICE.pubkey(), 3), signers=[ALICE])
    minted, burned = told(issue)
    assert isinstance(minted, TokenTransfer)
    assert isinstance(burned, TokenTransfer)
    assert (minted.transfer_type, minted.source_address) == ("mint", ZERO_ADDRESS)
    assert minted.destination_address == address(ALICE)
    assert (burned.transfer_type, burned.destination_address) == ("burn", ZERO_ADDRESS)
    assert burned.tags == ()
    assert ZERO_ADDRESS not in {*minted.related_user, *burned.related_user}


def test_what_a_permanent_delegate_moves_is_forced(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "permanent-delegate")
    issue.run(
        issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 9, authority=DELEGATE.pubkey()),
        signers=[DELEGATE],
    )
    issue.run(issue.token.burn(ALICE.pubkey(), DELEGATE.pubkey(), 4), signers=[DELEGATE])
    issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 1), signers=[ALICE])
    moved, burned, own = told(issue)
    assert isinstance(moved, TokenTransfer)
    assert isinstance(burned, TokenTransfer)
    assert isinstance(own, TokenTransfer)
    assert (moved.transfer_type, moved.authority) == ("forced", address(DELEGATE))
    assert (burned.transfer_type, burned.tags) == ("burn", ("forced",))
    assert (own.transfer_type, own.tags) == ("transfer", ())


def test_what_an_approved_delegate_moves_is_not_forced(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "permanent-delegate")
    issue.run(issue.token.approve(ALICE.pubkey(), CAROL.pubkey(), 50), signers=[ALICE])
    issue.run(
        issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 9, authority=CAROL.pubkey()),
        signers=[CAROL],
    )
    issue.run(issue.token.revoke(ALICE.pubkey()), signers=[ALICE])
    approved, moved, revoked = told(issue)
    assert isinstance(approved, TokenApproval)
    assert (approved.investor_address, approved.spender) == (address(ALICE), address(CAROL))
    assert (approved.amount_raw, approved.amount) == ("50", 0.00005)
    assert isinstance(moved, TokenTransfer)
    assert (moved.transfer_type, moved.authority) == ("transfer", address(CAROL))
    assert isinstance(revoked, TokenApproval)
    assert (revoked.spender, revoked.amount_raw) == (ZERO_ADDRESS, "0")


def test_a_transfer_says_which_hook_was_asked(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "transfer-hook")
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5, read(CONSENTS))
    issue.run(pay, memo("invoice 7", ALICE.pubkey()), signers=[ALICE])
    event = only(told(issue), TokenTransfer)
    assert event.hook == str(CONSENTS)
    assert event.memo == "invoice 7"


def test_a_transfer_that_the_hook_refuses_is_a_refused_transfer(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "transfer-hook")
    issue.run(issue.token.set_transfer_hook(ISSUER.pubkey(), REFUSES), signers=[ISSUER])
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5_000_000, read(REFUSES))
    issue.refuse(pay, signers=[ALICE])
    wired, refused = told(issue)
    assert isinstance(wired, ContractWired)
    assert (wired.component, wired.component_address) == ("transfer-hook", str(REFUSES))
    assert wired.investor_address == address(ISSUER)
    assert isinstance(refused, TokenTransferRefused)
    assert (refused.source_address, refused.destination_address) == (address(ALICE), address(BOB))
    assert (refused.amount_raw, refused.amount) == ("5000000", 5.0)
    assert refused.hook == str(REFUSES)
    assert refused.reason == f"custom program error: {REFUSAL:#x}"
    assert refused.outcome == "failure"


def test_a_wallet_is_frozen_and_tries_in_vain(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.run(issue.token.freeze(ALICE.pubkey(), ISSUER.pubkey()), signers=[ISSUER])
    issue.refuse(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5), signers=[ALICE])
    issue.thaw(ALICE)
    frozen, refused, released = told(issue)
    assert isinstance(frozen, WalletFrozen)
    assert (frozen.investor_address, frozen.agent) == (address(ALICE), address(ISSUER))
    assert frozen.token_account == str(issue.token.account(ALICE.pubkey()))
    assert isinstance(refused, TokenTransferRefused)
    assert refused.reason == "Account is frozen (custom program error: 0x11)"
    assert refused.hook is None
    assert isinstance(released, WalletUnfrozen)


@pytest.mark.parametrize(
    ("extension", "reason"),
    [
        ("non-transferable", "Transfer is disabled for this mint"),
        ("pausable", "Transferring, minting, and burning is paused on this mint"),
    ],
)
def test_the_token_says_why_it_refused(ledger: SolanaLedger, extension: str, reason: str) -> None:
    issue = issued(ledger, extension)
    if extension == "pausable":
        issue.run(issue.token.pause(ISSUER.pubkey()), signers=[ISSUER])
    issue.refuse(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5), signers=[ALICE])
    *_, refused = told(issue)
    assert isinstance(refused, TokenTransferRefused)
    assert (refused.reason or "").startswith(reason)


def test_too_little_and_the_wrong_signer_are_refused_too(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.refuse(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 10**15), signers=[ALICE])
    theft = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5, authority=CAROL.pubkey())
    issue.refuse(theft, signers=[CAROL])
    poor, stolen = told(issue)
    assert isinstance(poor, TokenTransferRefused)
    assert "insufficient funds" in (poor.reason or "")
    assert isinstance(stolen, TokenTransferRefused)
    assert (stolen.source_address, stolen.authority) == (address(ALICE), address(CAROL))


def test_a_transfer_that_something_else_undid_was_not_refused(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    other = Issue(ledger, number=2)
    other.create()
    ledger.produce()
    good = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5)
    bad = other.token.mint_to(ALICE.pubkey(), ISSUER.pubkey(), 5)  # she has no account for it
    issue.refuse(good, bad, signers=[ALICE, ISSUER])
    block = ledger.produce()
    assert told(issue, block) == []
    assert normalized(payload(ledger, block, issue.address)).ignored == {"failed-transaction": 1}


def test_a_pause_and_its_end(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "pausable")
    issue.run(issue.token.pause(ISSUER.pubkey()), signers=[ISSUER])
    issue.run(issue.token.resume(ISSUER.pubkey()), signers=[ISSUER])
    paused, resumed = told(issue)
    assert isinstance(paused, TokenPaused)
    assert paused.investor_address == address(ISSUER)
    assert isinstance(resumed, TokenUnpaused)


def test_a_mint_is_told_with_who_may_do_what(ledger: SolanaLedger) -> None:
    names = (
        *("transfer-hook", "permanent-delegate", "default-account-state", "interest-bearing"),
        *("pausable", "close-authority", "metadata-pointer", "confidential-transfer"),
    )
    issue = Issue(ledger, *names)
    issue.create(hook=CONSENTS)
    event = only(told(issue), MintInitialized)
    assert event.decimals == 6
    assert event.mint_authority == event.freeze_authority == address(ISSUER)
    assert event.permanent_delegate == address(DELEGATE)
    assert event.hook == str(CONSENTS)
    assert event.accounts_frozen
    assert event.extensions == (
        *("transfer-hook", "permanent-delegate", "default-account-state", "interest-rate"),
        *("pausable", "mint-close-authority", "metadata-pointer", "confidential-mint"),
    )


def test_a_mint_of_the_older_program_has_none_of_that(ledger: SolanaLedger) -> None:
    issue = Issue(ledger, program=TOKEN)
    issue.create()
    event = only(told(issue), MintInitialized)
    assert event.program == str(TOKEN)
    assert (event.extensions, event.permanent_delegate, event.hook) == ((), None, None)
    assert not event.accounts_frozen


def test_an_account_begins_frozen_where_the_mint_says_so(ledger: SolanaLedger) -> None:
    issue = Issue(ledger, "default-account-state")
    issue.create()
    ledger.produce()
    issue.open(ALICE)
    issue.run(issue.token.thaw(ALICE.pubkey(), ISSUER.pubkey()), signers=[ISSUER])
    issue.run(issue.token.close(ALICE.pubkey()), signers=[ALICE])
    opened, released, closed = told(issue)
    assert isinstance(opened, TokenAccountOpened)
    assert (opened.investor_address, opened.frozen) == (address(ALICE), True)
    assert opened.token_account == str(issue.token.account(ALICE.pubkey()))
    assert opened.instruction == "0.3"
    assert isinstance(released, WalletUnfrozen)
    assert released.tags == ("default-frozen",)
    assert isinstance(closed, TokenAccountClosed)
    assert closed.investor_address == address(ALICE)


def test_a_transfer_into_an_account_that_the_transaction_opens(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    issue.run(
        issue.token.open_account(ledger.payer.pubkey(), CAROL.pubkey()),
        issue.token.transfer(ALICE.pubkey(), CAROL.pubkey(), 5),
        signers=[ALICE],
    )
    opened, moved = told(issue)
    assert isinstance(opened, TokenAccountOpened)
    assert isinstance(moved, TokenTransfer)
    assert moved.destination_address == address(CAROL)


@pytest.mark.parametrize(
    ("number", "role"),
    [(0, "mint-tokens"), (1, "freeze-account"), (8, "permanent-delegate")],
)
def test_a_power_that_changes_hands_is_a_role_taken_and_granted(
    ledger: SolanaLedger, number: int, role: str
) -> None:
    issue = issued(ledger, "permanent-delegate")
    holder = DELEGATE if role == "permanent-delegate" else ISSUER
    change = issue.token.set_authority(issue.mint.pubkey(), holder.pubkey(), number, CAROL.pubkey())
    issue.run(change, signers=[holder])
    revoked, granted = told(issue)
    assert isinstance(revoked, RoleRevoked)
    assert isinstance(granted, RoleGranted)
    assert (revoked.role_name, revoked.investor_address) == (role, address(holder))
    assert (granted.role_name, granted.investor_address) == (role, address(CAROL))
    assert granted.granted_by == address(holder)
    assert granted.id != revoked.id


def test_a_power_that_is_given_up_is_a_role_taken(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    give_up = issue.token.set_authority(issue.mint.pubkey(), ISSUER.pubkey(), 0, None)
    issue.run(give_up, signers=[ISSUER])
    assert only(told(issue), RoleRevoked).role_name == "mint-tokens"


def test_an_account_that_is_handed_over_moves_all_that_lies_in_it(ledger: SolanaLedger) -> None:
    issue = issued(ledger, program=TOKEN)
    account = issue.token.account(ALICE.pubkey())
    issue.run(
        issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 400_000_000),
        issue.token.set_authority(account, ALICE.pubkey(), 2, CAROL.pubkey()),
        signers=[ALICE],
    )
    moved, handed = told(issue)
    assert isinstance(moved, TokenTransfer)
    assert isinstance(handed, TokenTransfer)
    assert (handed.source_address, handed.destination_address) == (address(ALICE), address(CAROL))
    assert handed.amount_raw == "600000000"
    assert handed.tags == ("account-handed-over",)
    assert handed.source_account == handed.destination_account == str(account)


def test_a_transfer_with_its_fee_tells_it(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "transfer-fee")
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5_000, fee=50)
    issue.run(pay, signers=[ALICE])
    event = only(told(issue), TokenTransfer)
    assert (event.amount_raw, event.fee_raw) == ("5000", "50")


def test_what_has_no_record_of_its_own_is_kept_with_its_values(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "default-account-state")
    issue.run(issue.token.set_default_state(ISSUER.pubkey(), 1), signers=[ISSUER])
    event = only(told(issue), ProgramInstruction)
    assert event.name == "update-default-account-state"
    assert event.decoded
    assert msgspec.json.decode(event.arguments or "") == {
        "state": "initialized",
        "mint": issue.address,
        "authority": address(ISSUER),
    }
    assert event.data == "0x1c0101"


def test_a_name_and_a_symbol_that_the_mint_itself_holds(ledger: SolanaLedger) -> None:
    issue = Issue(ledger, "metadata-pointer")
    issue.create()
    ledger.produce()
    named = issue.token.metadata(ISSUER.pubkey(), "Acme Fund", "ACM", "https://acme.example")
    issue.run(named, signers=[ISSUER])
    event = only(told(issue), ProgramInstruction)
    assert event.name == "initialize-metadata"
    values = msgspec.json.decode(event.arguments or "")
    assert (values["name"], values["symbol"]) == ("Acme Fund", "ACM")
    assert (values["mint"], values["authority"]) == (issue.address, address(ISSUER))


def test_what_is_confidential_says_that_it_cannot_be_read(ledger: SolanaLedger) -> None:
    issue = Issue(ledger, "confidential-transfer")
    issue.create()
    ledger.produce()
    update = issue.token.of(
        bytes([27, 1, 0]) + bytes(32), write(issue.mint.pubkey()), sign(ISSUER.pubkey())
    )
    issue.run(update, signers=[ISSUER])
    event = only(told(issue), ProgramInstruction)
    assert (event.name, event.confidential) == ("update-confidential-mint", True)


def test_an_instruction_that_nobody_knows_is_kept_whole(ledger: SolanaLedger) -> None:
    """One that ran, with another number: as a program of tomorrow may have it."""
    issue = issued(ledger)
    issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5), signers=[ALICE])
    block = ledger.produce()
    instruction = block.transactions[0]["transaction"]["message"]["instructions"][0]
    instruction["data"] = encode(bytes([200, 1, 2, 3]))
    event = only(told(issue, block), ProgramInstruction)
    assert (event.name, event.decoded, event.tags) == (None, False, ("undecoded",))
    assert event.data == "0xc8010203"
    assert event.contract == issue.address


def test_other_tokens_of_a_transaction_are_left_out(ledger: SolanaLedger) -> None:
    issue = issued(ledger)
    other = issued(ledger, number=2)
    issue.run(
        issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5),
        other.token.transfer(ALICE.pubkey(), BOB.pubkey(), 6),
        signers=[ALICE],
    )
    assert only(told(issue), TokenTransfer).amount_raw == "5"


def test_the_state_of_a_mint_is_read_from_its_account(ledger: SolanaLedger) -> None:
    issue = issued(
        ledger, *("transfer-hook", "permanent-delegate", "default-account-state", "pausable")
    )
    account = read_account(Raw(msgspec.json.encode(ledger.accounts[issue.address])))
    state = read_mint(account)
    assert state is not None
    assert (state.supply, state.decimals) == (1_000_000_000, 6)
    assert (state.mint_authority, state.freeze_authority) == (address(ISSUER), address(ISSUER))
    assert (state.permanent_delegate, state.hook) == (address(DELEGATE), str(CONSENTS))
    assert (state.default_state, state.paused) == ("frozen", False)
    assert set(state.extensions) == set(issue.extensions)


def test_reference_data_knows_mints_and_wallets_by_their_exact_case(
    ledger: SolanaLedger,
) -> None:
    issue = issued(ledger)
    reference = Reference(
        tokens=(
            Token(
                id="ACME",
                symbol="ACM",
                classification="reg-d-506c",
                mints=(Mint(chain=ledger.chain, address=issue.address),),
            ),
        ),
        investors=(
            Investor(id="INV-1", jurisdiction="US", addresses=(address(ALICE),)),
            Investor(id="INV-2", addresses=(address(BOB).swapcase(),)),
        ),
        addresses=(LabelledAddress(address=address(BOB), labels=("custodian",)),),
    )
    issue.run(issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5), signers=[ALICE])
    event = only(told(issue, reference=reference), TokenTransfer)
    assert (event.token_id, event.token_address) == ("ACME", issue.address)
    assert event.token_classification == "reg-d-506c"
    assert (event.source_investor, event.source_jurisdiction) == ("INV-1", "US")
    assert (event.destination_investor, event.destination_labels) == (None, ("custodian",))


def test_every_event_goes_to_ecs_and_back(ledger: SolanaLedger, ecs_schema: EcsSchema) -> None:
    issue = issued(ledger, "transfer-hook", "permanent-delegate", "default-account-state")
    first = ledger.blocks[max(ledger.blocks)]
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5, read(CONSENTS))
    issue.run(pay, memo("m", ALICE.pubkey()), signers=[ALICE])
    issue.run(issue.token.set_transfer_hook(ISSUER.pubkey(), REFUSES), signers=[ISSUER])
    refused = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5, read(REFUSES))
    issue.refuse(refused, signers=[ALICE])
    issue.run(issue.token.set_default_state(ISSUER.pubkey(), 1), signers=[ISSUER])
    found = [*told(issue, first), *told(issue)]
    assert len({type(event) for event in found}) >= 7
    assert len({event.id for event in found}) == len(found)
    for event in found:
        assert isinstance(event, ChainEvent)
        assert parse(nest(event)) == event
        document = msgspec.json.decode(msgspec.json.encode(nest(event)))
        assert ecs_schema.violations(document) == []
        assert msgspec.json.decode(encode_event(event))["event.dataset"] == "tapewatch.solana"


def test_what_the_page_of_instructions_says_is_what_becomes_of_them() -> None:
    names = {form.name: records_of(form) for _, form in known_instructions()}
    said = {str(one.__struct_config__.tag) for records in names.values() for one in records}
    lines = (GOLDEN / "solana_events.ndjson").read_text().splitlines()
    told = {msgspec.json.decode(line)["event.action"] for line in lines}
    assert told - {"block", "token-transfer-refused"} <= said
    assert names["transfer"] == (TokenTransfer,)
    assert names["initialize-permanent-delegate"] == (MintInitialized,)
    assert names["pause"] == (TokenPaused,)
    assert names["set-transfer-fee"] == (ProgramInstruction,)
    assert names["sync-native"] == ()


def test_accounts_from_lookup_tables_stand_behind_those_of_the_message(
    ledger: SolanaLedger,
) -> None:
    """The machine of the tests has no lookup tables: the block is one that ran, rearranged."""
    issue = issued(ledger, "transfer-hook")
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5, read(CONSENTS))
    issue.run(pay, signers=[ALICE])
    block = ledger.produce()
    plain = told(issue, block)
    message = block.transactions[0]["transaction"]["message"]
    looked_up = [message["accountKeys"].pop() for _ in range(3)][::-1]
    assert issue.address in looked_up
    block.transactions[0]["meta"]["loadedAddresses"]["readonly"] = looked_up
    block.transactions[0]["version"] = 0
    assert told(issue, block) == plain


def test_a_recorded_block_gives_the_events_that_were_written_down() -> None:
    """`python -m tests.normalizer.record_solana` makes both anew; look at what differs."""
    block = msgspec.json.decode((GOLDEN / "solana_block.json").read_bytes())
    found = b"".join(encode_event(event) + b"\n" for event in normalized(block).events)
    assert found.decode() == (GOLDEN / "solana_events.ndjson").read_text()


def test_the_same_frames_give_the_same_events(ledger: SolanaLedger) -> None:
    issue = issued(ledger, "permanent-delegate")
    block = ledger.blocks[max(ledger.blocks)]
    once = [encode_event(event) for event in told(issue, block)]
    assert once == [encode_event(event) for event in told(issue, block)]


def test_a_batch_of_transfers_is_read_one_by_one(ledger: SolanaLedger) -> None:
    """The machine of the tests has no batches: the block is one that ran, put into one."""
    issue = issued(ledger, program=TOKEN)
    pay = issue.token.transfer(ALICE.pubkey(), BOB.pubkey(), 5)
    issue.run(pay, signers=[ALICE])
    block = ledger.produce()
    instruction = block.transactions[0]["transaction"]["message"]["instructions"][0]
    one = bytes([12]) + (5).to_bytes(8, "little") + bytes([6])
    part = bytes([4, len(one)]) + one
    instruction["data"] = encode(bytes([255]) + part + part)
    instruction["accounts"] = instruction["accounts"] * 2
    first, second = told(issue, block)
    assert isinstance(first, TokenTransfer)
    assert isinstance(second, TokenTransfer)
    assert (first.instruction, second.instruction) == ("0.0", "0.1")
    assert first.amount_raw == second.amount_raw == "5"


def test_chain_numbers_are_those_of_no_evm_chain() -> None:
    mainnet = chain_number("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
    devnet = chain_number("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1")
    assert mainnet != devnet
    assert all(2**52 <= number < 2**53 for number in (mainnet, devnet))
    assert chain_number("eip155:137") == 137
    with pytest.raises(ValueError, match="CAIP-2"):
        chain_number("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")


def test_base58_is_that_of_the_library() -> None:
    for number in range(64):
        raw = bytes(number // 2) + bytes([number]) * (32 - number // 2)
        assert encode(raw) == str(Pubkey(raw))
        assert decode(str(Pubkey(raw))) == raw
