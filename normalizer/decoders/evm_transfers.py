"""ERC-20 ``Transfer`` and ``Approval``, and transfers of ERC-721 and ERC-1155."""

from collections.abc import Sequence
from typing import Any

from normalizer.abi import AbiMismatch
from normalizer.decoders.evm_scope import Call, LogScope, related, whole
from normalizer.enrichment import NOBODY
from normalizer.events.chain import (
    ZERO_ADDRESS,
    ChainRecord,
    ControllerTransfer,
    TokenApproval,
    TokenTransfer,
    WalletRecovered,
)
from normalizer.signatures import selectors

# T-REX, ERC-1644 and SRC-20 move tokens against the holder's will with a plain ``Transfer``: only
# the call tells. The second set goes through a T-REX AgentManager, which then calls the token.
_FORCED = selectors(
    "forcedTransfer", "batchForcedTransfer", "controllerTransfer", "transferTokenForced"
)
_FORCED_BY_MANAGER = selectors("callForcedTransfer", "callBatchForcedTransfer")
_RECOVERY = selectors("recoveryAddress")
_RECOVERY_BY_MANAGER = selectors("callRecoveryAddress")
# Agents mostly are multisigs: then the call of the token is a part of the calldata, word for word.
_BATCH = selectors("batchForcedTransfer")
_INNER = {s[2:]: "forced" for s in _FORCED} | {s[2:]: "recovery" for s in _RECOVERY}
_SELECTOR_END = 10
_WORD = 64
# Calls for one transfer, of the caller's own tokens and of somebody's who is named first.
_OWN = selectors("transfer")
_OWN_BATCH = selectors("batchTransfer")
_NAMED = selectors("transferFrom", "forcedTransfer")
_NAMED_TO_MANAGER = selectors("callForcedTransfer")
#: Where the first of three lists begins.
_THREE_LISTS = f"{0x60:064x}"


def transfer(scope: LogScope, values: tuple[Any, ...]) -> TokenTransfer:
    """Tokens moved, were minted (from the zero address) or burned (to it)."""
    source, destination, amount = values
    event = _moved(scope, source, destination)
    event.amount_raw = str(amount)
    if not scope.block.has_shares(scope.contract):
        event.amount = whole(amount, scope.token)
    event.transfer_type = _transfer_type(source, destination, amount, scope.call, scope.contract)
    return event


def item(scope: LogScope, values: tuple[Any, ...]) -> TokenTransfer:
    """ERC-721: one item moved. The topic is ERC-20's, with the item as a fourth one."""
    source, destination, number = values
    event = _moved(scope, source, destination)
    event.amount_raw, event.amount = "1", 1.0
    event.item_id = str(number)
    event.transfer_type = _item_type(source, destination)
    return event


def single(scope: LogScope, values: tuple[Any, ...]) -> TokenTransfer:
    """ERC-1155: some of one kind moved, by the operator: the holder, or whom they let do so."""
    operator, source, destination, number, amount = values
    return _of_kind(scope, operator, source, destination, number, amount)


def batch(scope: LogScope, values: tuple[Any, ...]) -> list[TokenTransfer]:
    """ERC-1155: some of several kinds moved by one log, each an event of its own.

    Raises ``AbiMismatch`` where there aren't as many amounts as kinds.
    """
    operator, source, destination, numbers, amounts = values
    if len(numbers) != len(amounts):
        raise AbiMismatch("data", f"{len(numbers)} ids and {len(amounts)} values")
    events: list[TokenTransfer] = []
    for place, (number, amount) in enumerate(zip(numbers, amounts, strict=True)):
        event = _of_kind(scope, operator, source, destination, number, amount)
        event.id = f"{event.id}:{place}"
        events.append(event)
    return events


def _of_kind(
    scope: LogScope, operator: str, source: str, destination: str, number: int, amount: int
) -> TokenTransfer:
    event = _moved(scope, source, destination)
    event.authority = operator
    event.amount_raw = str(amount)
    event.amount = whole(amount, scope.token)
    event.item_id = str(number)
    event.transfer_type = _item_type(source, destination)
    return event


def _item_type(source: str, destination: str) -> str:
    if source == ZERO_ADDRESS:
        return "mint"
    return "burn" if destination == ZERO_ADDRESS else "transfer"


def _moved(scope: LogScope, source: str, destination: str) -> TokenTransfer:
    """A transfer between two, without what moved."""
    block = scope.block
    sender, receiver = block.party(source), block.party(destination)
    call = scope.call
    event = block.new_transfer(scope.contract)
    event.id = scope.id
    event.log_index = scope.index
    event.transaction_hash = call.hash
    event.transaction_index = call.index
    event.transaction_nonce = call.nonce
    event.transaction_from = call.sender
    event.transaction_to = call.to
    event.transaction_method = call.method
    event.related_hash = call.related
    event.related_user = related(source, destination, sender.id, receiver.id)
    event.source_address = source
    if sender is not NOBODY:
        event.source_investor = sender.id
        event.source_jurisdiction = sender.jurisdiction
        event.source_accreditation = sender.accreditation
        event.source_cluster = sender.cluster
        event.source_labels = sender.labels
    event.destination_address = destination
    if receiver is not NOBODY:
        event.destination_investor = receiver.id
        event.destination_jurisdiction = receiver.jurisdiction
        event.destination_accreditation = receiver.accreditation
        event.destination_cluster = receiver.cluster
        event.destination_labels = receiver.labels
    return event


def _transfer_type(source: str, destination: str, amount: int, call: Call, token: str) -> str:
    if source == ZERO_ADDRESS:
        return "mint"
    if destination == ZERO_ADDRESS:
        return "burn"
    selector = call.selector
    direct = call.to == token
    if selector is not None and source != call.sender and _is_fee(source, amount, call, direct):
        return "fee"
    if (direct and selector in _FORCED) or selector in _FORCED_BY_MANAGER:
        return "forced"
    if (direct and selector in _RECOVERY) or selector in _RECOVERY_BY_MANAGER:
        return "recovery"
    return "transfer" if direct else _inner_type(source, destination, amount, call)


def _is_fee(source: str, amount: int, call: Call, direct: bool) -> bool:
    """Whether the receiver of what a call asked for had to give a part of it up.

    T-REX's TransferFeesModule takes it by a forced transfer of its own, in the same call.
    """
    selector, text = call.selector, call.input
    source_word = f"{source[2:]:0>64}"
    if direct and selector in _OWN_BATCH:
        return source_word in text.lower()
    if direct and selector in _OWN:
        place = _SELECTOR_END
    elif (direct and selector in _NAMED) or selector in _NAMED_TO_MANAGER:
        place = _SELECTOR_END + _WORD
        if text[_SELECTOR_END:place].lower() == source_word:
            return False
    else:
        return False
    if text[place : place + _WORD].lower() != source_word:
        return False
    try:
        return amount < int(text[place + _WORD : place + 2 * _WORD], 16)
    except ValueError:
        return False


def _inner_type(source: str, destination: str, amount: int, call: Call) -> str:
    """What the transfer is by a call of the token in the calldata of a call of something else."""
    if call.inner is None:
        text = call.input.lower()
        call.inner = tuple([s for s in _INNER if text.find(s, _SELECTOR_END) > 0])
    if not call.inner:
        return "transfer"
    text = call.input.lower()
    from_word, to_word = f"{source[2:]:0>64}", f"{destination[2:]:0>64}"
    for selector in call.inner:
        if "0x" + selector in _BATCH:
            found = selector + _THREE_LISTS in text and from_word in text and to_word in text
        elif _INNER[selector] == "forced":
            found = f"{selector}{from_word}{to_word}{amount:064x}" in text
        else:
            found = selector + from_word + to_word in text
        if found:
            return _INNER[selector]
    return "transfer"


def tell_apart(events: Sequence[ChainRecord]) -> None:
    """Say of a block's transfers what other events of their transactions say of them.

    A controller's transfer (ERC-1644) and a recovery (ERC-3643) have an event of their own beside
    the plain ``Transfer``, whichever way the contract was called.
    """
    said = [
        event
        for event in events
        if type(event) is ControllerTransfer or type(event) is WalletRecovered
    ]
    if not said:
        return
    plain: dict[tuple[str | None, str | None], list[TokenTransfer]] = {}
    for event in events:
        if isinstance(event, TokenTransfer) and event.transfer_type == "transfer":
            plain.setdefault((event.transaction_hash, event.contract), []).append(event)
    for one in said:
        for transfer in plain.get((one.transaction_hash, one.contract), ()):
            ends = (transfer.source_address, transfer.destination_address)
            if isinstance(one, WalletRecovered):
                if ends == (one.investor_address, one.new_wallet):
                    transfer.transfer_type = "recovery"
            elif (*ends, transfer.amount_raw) == (
                one.source_address,
                one.destination_address,
                one.amount_raw,
            ):
                transfer.transfer_type = "forced"


def approval(scope: LogScope, values: tuple[Any, ...]) -> TokenApproval:
    """The owner, who is the party, allowed a spender an amount."""
    owner, spender, amount = values
    return TokenApproval(
        **scope.about(owner, spender),
        spender=spender,
        spender_labels=scope.block.party(spender).labels,
        amount_raw=str(amount),
        amount=whole(amount, scope.token),
    )
