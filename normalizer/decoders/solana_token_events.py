"""Instructions of token programs to events: what means the same as on EVM has the same record."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from normalizer.decoders.solana_calls import Call
from normalizer.decoders.solana_layouts import Layout
from normalizer.decoders.solana_scope import (
    Holding,
    SlotScope,
    TransactionScope,
    both_fields,
    party_fields,
    related,
)
from normalizer.decoders.solana_token_instructions import EXECUTE_HOOK, TokenInstruction
from normalizer.events import ChainEvent, Record
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ContractWired,
    TokenApproval,
    TokenPaused,
    TokenTransfer,
    TokenUnpaused,
    WalletFrozen,
    WalletUnfrozen,
)
from normalizer.events.chain_roles import RoleGranted, RoleRevoked
from normalizer.events.solana import (
    MintInitialized,
    ProgramInstruction,
    TokenAccountClosed,
    TokenAccountOpened,
)

#: The tag of a burn that a permanent delegate made.
FORCED = "forced"
_OWNER_UNKNOWN = "owner-unknown"
_DEFAULT_FROZEN = "default-frozen"
_HANDED_OVER = "account-handed-over"


class Read(Struct):
    """A read instruction about a watched mint, with where it stands."""

    call: Call
    instruction: TokenInstruction
    mint: str
    #: Its place in the list of the transaction's calls.
    number: int


class TokenEvents:
    """Makes the events of one transaction that succeeded, in the order of its instructions."""

    def __init__(self, scope: TransactionScope) -> None:
        self._scope = scope
        self._block: SlotScope = scope.block
        #: By mint, the instructions that gave it its extensions, until it is initialised.
        self._begun: dict[str, list[Read]] = {}

    def of(self, read: Read) -> Iterator[Record]:
        """The events of an instruction; none where it only prepares another."""
        known = _BUILDERS.get(read.instruction.name)
        if known is not None:
            build, _ = known
            yield from build(self, read)
        elif _is_extension(read.instruction.layout):
            self._begun.setdefault(read.mint, []).append(read)
        else:
            yield self.plain(read)

    def rest(self) -> Iterator[Record]:
        """Events of extensions whose mint was not initialised in the same transaction."""
        for reads in self._begun.values():
            for read in reads:
                yield self.plain(read)

    def plain(self, read: Read) -> ProgramInstruction:
        """The event of an instruction that has no record of its own."""
        instruction = read.instruction
        told = {**instruction.values, **instruction.accounts}
        return ProgramInstruction(
            **self._scope.fields(read.call, read.mint),
            related_user=related(*instruction.accounts.values()),
            name=instruction.name,
            arguments=msgspec.json.encode({k: _plain(v) for k, v in told.items()}).decode(),
            decoded=True,
            confidential=True if instruction.layout.confidential else None,
            data="0x" + read.call.data.hex(),
        )

    def transfer(self, read: Read) -> Iterator[Record]:
        """Tokens moved; by force where the mint's permanent delegate did it for another."""
        accounts = read.instruction.accounts
        source, destination = accounts["source"], accounts["destination"]
        owner, authority = self._scope.owner(source), accounts["authority"]
        kind = "forced" if self._is_forced(read, owner, authority) else "transfer"
        fee = read.instruction.values.get("fee")
        yield TokenTransfer(
            **self._moved(read, owner, self._scope.owner(destination), kind),
            source_account=source,
            destination_account=destination,
            authority=authority,
            hook=asked_hook(self._scope.calls, read.number),
            fee_raw=None if fee is None else str(fee),
            tags=() if self._knows(source, destination) else (_OWNER_UNKNOWN,),
        )

    def mint_to(self, read: Read) -> Iterator[Record]:
        """Tokens came into being."""
        account = read.instruction.accounts["account"]
        yield TokenTransfer(
            **self._moved(read, ZERO_ADDRESS, self._scope.owner(account), "mint"),
            destination_account=account,
            authority=read.instruction.accounts["authority"],
            tags=() if self._knows(account) else (_OWNER_UNKNOWN,),
        )

    def burn(self, read: Read) -> Iterator[Record]:
        """Tokens ceased to be; the tags say so where it was against their owner's will."""
        account = read.instruction.accounts["account"]
        owner, authority = self._scope.owner(account), read.instruction.accounts["authority"]
        tags = (FORCED,) if self._is_forced(read, owner, authority) else ()
        yield TokenTransfer(
            **self._moved(read, owner, ZERO_ADDRESS, "burn"),
            source_account=account,
            authority=authority,
            tags=tags if self._knows(account) else (*tags, _OWNER_UNKNOWN),
        )

    def freeze(self, read: Read) -> Iterator[Record]:
        """A wallet's account was frozen."""
        yield WalletFrozen(
            **self._about_account(read), agent=read.instruction.accounts["authority"]
        )

    def thaw(self, read: Read) -> Iterator[Record]:
        """A wallet's account was released."""
        fields = self._about_account(read)
        state = self._block.mints.get(read.mint)
        if state is not None and state.default_state == "frozen":
            # Where accounts begin frozen, this is how a holder is admitted.
            fields["tags"] = (*fields.get("tags", ()), _DEFAULT_FROZEN)
        yield WalletUnfrozen(**fields, agent=read.instruction.accounts["authority"])

    def approve(self, read: Read) -> Iterator[Record]:
        """A delegate may move an amount."""
        amount: int = read.instruction.values["amount"]
        yield self._approval(read, read.instruction.accounts["delegate"], amount)

    def revoke(self, read: Read) -> Iterator[Record]:
        """Nobody may move anything any more but the owner."""
        yield self._approval(read, ZERO_ADDRESS, 0)

    def open_account(self, read: Read) -> Iterator[Record]:
        """A wallet got an account."""
        state = self._block.mints.get(read.mint)
        yield TokenAccountOpened(
            **self._about_account(read),
            frozen=None if state is None else state.default_state == "frozen",
        )

    def close_account(self, read: Read) -> Iterator[Record]:
        """A wallet's account was closed, or the mint itself."""
        if read.instruction.accounts["account"] == read.mint:
            yield self.plain(read)
        else:
            yield TokenAccountClosed(**self._about_account(read))

    def pause(self, read: Read) -> Iterator[Record]:
        """All moves were halted."""
        yield TokenPaused(**self._about(read, read.instruction.accounts["authority"]))

    def resume(self, read: Read) -> Iterator[Record]:
        """Moves go on."""
        yield TokenUnpaused(**self._about(read, read.instruction.accounts["authority"]))

    def wire_hook(self, read: Read) -> Iterator[Record]:
        """Another program is asked at every transfer, or none."""
        authority = read.instruction.accounts["authority"]
        yield ContractWired(
            **self._about(read, authority),
            component="transfer-hook",
            component_address=read.instruction.values["program"] or ZERO_ADDRESS,
        )

    def set_authority(self, read: Read) -> Iterator[Record]:
        """A power over a mint went from one to another, or a token account did."""
        accounts, values = read.instruction.accounts, read.instruction.values
        kind, new, old = values["type"], values["new"], accounts["authority"]
        if accounts["account"] != read.mint:
            yield from self._account_authority(read, kind, new)
            return
        fields = self._scope.fields(read.call, read.mint)
        for name, record, holder in (
            ("revoked", RoleRevoked, old),
            ("granted", RoleGranted, new),
        ):
            if holder is not None:
                own: dict[str, Any] = {**fields, "id": f"{fields['id']}:{name}"}
                yield record(
                    **own,
                    **party_fields(self._block, holder),
                    related_user=related(old, new, self._block.party(holder).id),
                    log_name="SetAuthority",
                    role_name=kind,
                    granted_by=old,
                )

    def initialize_mint(self, read: Read) -> Iterator[Record]:
        """A token came into being; its extensions were given before."""
        values = read.instruction.values
        given = self._begun.pop(read.mint, [])
        told: dict[str, Any] = {}
        for one in given:
            told |= one.instruction.values
        yield MintInitialized(
            **self._scope.fields(read.call, read.mint),
            related_user=related(
                values["mint_authority"], values["freeze_authority"], told.get("delegate")
            ),
            decimals=values["decimals"],
            mint_authority=values["mint_authority"],
            freeze_authority=values["freeze_authority"],
            permanent_delegate=told.get("delegate"),
            hook=told.get("program"),
            accounts_frozen=told.get("state") == "frozen",
            extensions=tuple(one.instruction.name.removeprefix(_INITIALIZE) for one in given),
        )

    def _account_authority(self, read: Read, kind: str, new: str | None) -> Iterator[Record]:
        account = read.instruction.accounts["account"]
        holding = self._scope.holdings.get(account)
        if kind != "account-owner" or new is None or holding is None:
            yield self.plain(read)
            return
        # All that lies in the account changes hands without an instruction that moves it.
        fields = self._moved(read, self._scope.owner(account), new, "transfer", holding.amount)
        holding.owner = new
        yield TokenTransfer(
            **fields,
            source_account=account,
            destination_account=account,
            authority=read.instruction.accounts["authority"],
            tags=(_HANDED_OVER,),
        )

    def _approval(self, read: Read, spender: str, amount: int) -> TokenApproval:
        fields = self._about_account(read)
        fields["related_user"] = related(*fields["related_user"], spender)
        return TokenApproval(
            **fields,
            spender=spender,
            spender_labels=self._block.party(spender).labels,
            amount_raw=str(amount),
            amount=self._scope.whole(amount, read.mint),
        )

    def _moved(
        self, read: Read, source: str, destination: str, kind: str, amount: int | None = None
    ) -> dict[str, Any]:
        moved: int = read.instruction.values["amount"] if amount is None else amount
        if amount is None:
            self._move(read, moved)
        return {
            **self._scope.fields(read.call, read.mint),
            **moved_fields(self._scope, source, destination, moved, read),
            "transfer_type": kind,
        }

    def _move(self, read: Read, amount: int) -> None:
        """Keep what accounts hold up to date, for one that is handed over later."""
        accounts = read.instruction.accounts
        out = accounts.get("source") or (
            accounts.get("account") if read.instruction.name == "burn" else None
        )
        into = accounts.get("destination") or (
            accounts.get("account") if read.instruction.name == "mint-to" else None
        )
        for account, change in ((out, -amount), (into, amount)):
            holding = self._scope.holdings.get(account or "")
            if holding is not None:
                holding.amount = max(0, holding.amount + change)

    def _is_forced(self, read: Read, owner: str, authority: str) -> bool:
        state = self._block.mints.get(read.mint)
        return state is not None and owner != authority == state.permanent_delegate

    def _knows(self, *accounts: str) -> bool:
        return all(self._scope.knows_owner(account) for account in accounts)

    def _about_account(self, read: Read) -> dict[str, Any]:
        """With the owner of the instruction's account as the party."""
        account = read.instruction.accounts["account"]
        fields = self._about(read, self._scope.owner(account), account)
        return fields if self._knows(account) else {**fields, "tags": (_OWNER_UNKNOWN,)}

    def _about(self, read: Read, wallet: str, account: str | None = None) -> dict[str, Any]:
        authority = read.instruction.accounts.get("authority")
        return {
            **self._scope.fields(read.call, read.mint),
            **party_fields(self._block, wallet),
            "token_account": account,
            "related_user": related(wallet, account, authority, self._block.party(wallet).id),
        }


def moved_fields(
    scope: TransactionScope, source: str, destination: str, amount: int, read: Read
) -> dict[str, Any]:
    """What a transfer and a refused one have in common."""
    block = scope.block
    return {
        **both_fields(block, source, destination),
        "related_user": related(
            source,
            destination,
            read.instruction.accounts.get("authority"),
            block.party(source).id,
            block.party(destination).id,
        ),
        "amount_raw": str(amount),
        "amount": scope.whole(amount, read.mint),
    }


def asked_hook(calls: list[Call], number: int) -> str | None:
    """The transfer hook's program that the call at this place asked; None where it asked none."""
    height = calls[number].height
    for call in calls[number + 1 :]:
        if call.height <= height:
            break
        if call.height == height + 1 and call.data.startswith(EXECUTE_HOOK):
            return call.program
    return None


def note_accounts(scope: TransactionScope, reads: list[Read]) -> None:
    """Accounts that the transaction opened itself are in no balance before it."""
    for read in reads:
        if read.instruction.name == "initialize-account":
            account = read.instruction.accounts["account"]
            owner = read.instruction.accounts.get("owner") or read.instruction.values["owner"]
            scope.holdings[account] = Holding(read.mint, owner)


_INITIALIZE = "initialize-"


def _is_extension(form: Layout) -> bool:
    """Whether an instruction gives a mint what it has from its beginning."""
    return form.name.startswith(_INITIALIZE) and form.roles == ("mint",)


def _plain(value: Any) -> Any:
    """Whole numbers as text, as everywhere where an amount may stand."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Builder = Callable[[TokenEvents, Read], Iterator[Record]]
_BUILDERS: dict[str, tuple[Builder, tuple[type[ChainEvent], ...]]] = {
    "transfer": (TokenEvents.transfer, (TokenTransfer,)),
    "mint-to": (TokenEvents.mint_to, (TokenTransfer,)),
    "burn": (TokenEvents.burn, (TokenTransfer,)),
    "freeze-account": (TokenEvents.freeze, (WalletFrozen,)),
    "thaw-account": (TokenEvents.thaw, (WalletUnfrozen,)),
    "approve": (TokenEvents.approve, (TokenApproval,)),
    "revoke": (TokenEvents.revoke, (TokenApproval,)),
    "initialize-account": (TokenEvents.open_account, (TokenAccountOpened,)),
    "close-account": (TokenEvents.close_account, (TokenAccountClosed, ProgramInstruction)),
    "pause": (TokenEvents.pause, (TokenPaused,)),
    "resume": (TokenEvents.resume, (TokenUnpaused,)),
    "update-transfer-hook": (TokenEvents.wire_hook, (ContractWired,)),
    "set-authority": (
        TokenEvents.set_authority,
        (RoleRevoked, RoleGranted, TokenTransfer, ProgramInstruction),
    ),
    "initialize-mint": (TokenEvents.initialize_mint, (MintInitialized,)),
}
#: Instructions that tell nothing of who holds or may do what.
HOUSEKEEPING = frozenset(
    {
        "get-account-data-size", "initialize-immutable-owner", "amount-to-ui-amount",
        "ui-amount-to-amount", "reallocate", "sync-native", "initialize-multisig",
        "create-native-mint", "withdraw-excess-lamports",
    }
)  # fmt: skip


def records_of(form: Layout) -> tuple[type[ChainEvent], ...]:
    """The records that an instruction can become, where it succeeded; none for housekeeping."""
    if form.name in HOUSEKEEPING:
        return ()
    if form.name in _BUILDERS:
        return _BUILDERS[form.name][1]
    return (MintInitialized,) if _is_extension(form) else (ProgramInstruction,)
