"""What a call asks for that nobody has carried out yet: one transfer, or one swap, of a token."""

from typing import Any

from msgspec import Struct

from normalizer.abi import AbiMismatch
from normalizer.decoders.evm_refusals import is_transfer, moves
from normalizer.decoders.evm_scope import BlockScope, Call
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import TokenInfo
from normalizer.events.fields import Side
from normalizer.signatures import KNOWN_FUNCTIONS, selectors

_EXACT_INPUT = selectors("exactInputSingle")
_EXACT_OUTPUT = selectors("exactOutputSingle")
#: Uniswap v2's router. Of some the first amount is the exact one, of some none is: ether is given.
_EXACT_FIRST = selectors("swapExactTokensForTokens", "swapExactTokensForETH")
_EXACT_LAST = selectors(
    "swapTokensForExactTokens", "swapTokensForExactETH", "swapETHForExactTokens"
)
_PATHS = _EXACT_FIRST | _EXACT_LAST | selectors("swapExactETHForTokens")
_MULTICALL = selectors("multicall")
_MOST_CALLS = 32
_WORD = 64
_SELECTOR_END = 10
_PADDING = "0" * 24
#: Hex digits of calldata in which watched contracts are looked for.
_MOST_LOOKED_AT = 64 * 1024


class Intent(Struct, kw_only=True):
    """What a call asks for, as far as it can be read. Amounts are in smallest units."""

    #: The watched contract that it is about.
    contract: str | None = None
    token: TokenInfo | None = None
    source: str | None = None
    destination: str | None = None
    amount: int | None = None
    side: Side | None = None
    #: Several transfers in one call.
    batch: bool = False


def read_intent(scope: BlockScope, call: Call) -> Intent:
    """What the call asks for; nothing of it where its calldata can't be read."""
    if call.to is None:
        return Intent()
    token = scope.token_of(call.to)
    if token is not None:
        intent = Intent(contract=call.to, token=token)
        if is_transfer(call):
            _read_transfer(intent, call)
        return intent
    return _read_swap(scope, call) or _mentioned(scope, call)


def _read_transfer(intent: Intent, call: Call) -> None:
    try:
        asked = list(moves(call))
    except Unreadable:
        return
    intent.batch = len(asked) > 1
    if len(asked) == 1:
        ((intent.source, intent.destination, intent.amount),) = asked


def _read_swap(scope: BlockScope, call: Call) -> Intent | None:
    """The first swap of a watched token among the calls in it."""
    for selector, data in _calls(call.selector, call.input):
        read = _asked(selector, data)
        if read is None:
            continue
        given, received, recipient, amount, exact = read
        sides: tuple[tuple[str, Side], ...] = ((given, "sell"), (received, "buy"))
        for contract, side in sides:
            token = scope.chain.tokens.get(contract)
            if token is not None:
                return Intent(
                    contract=contract,
                    token=token,
                    source=call.sender if side == "sell" else None,
                    destination=recipient if side == "buy" else None,
                    # The other amount is only bounded: how much it is, the pool decides.
                    amount=amount if contract == exact else None,
                    side=side,
                )
    return None


def _asked(selector: str, data: str) -> tuple[str, str, str, int | None, str | None] | None:
    """What a swap asks for: given, received, recipient, and the exact amount with its asset."""
    if selector not in _EXACT_INPUT and selector not in _EXACT_OUTPUT and selector not in _PATHS:
        return None
    try:
        values = KNOWN_FUNCTIONS[selector].decode(data)
    except AbiMismatch:
        return None
    if selector not in _PATHS:
        given, received, _, recipient, _, amount, _, _ = values[0]
        return given, received, recipient, amount, given if selector in _EXACT_INPUT else received
    *amounts, path, recipient, _ = values
    if not 2 <= len(path) <= _MOST_CALLS:
        return None
    given, received = str(path[0]), str(path[-1])
    if selector in _EXACT_FIRST:
        return given, received, recipient, amounts[0], given
    exact = received if selector in _EXACT_LAST else None
    return given, received, recipient, amounts[0] if exact else None, exact


def _calls(selector: str | None, data: str) -> list[tuple[str, str]]:
    """The call itself, or those that a multicall is made of."""
    if selector is None or selector not in _MULTICALL:
        return [] if selector is None else [(selector, data)]
    try:
        values: tuple[Any, ...] = KNOWN_FUNCTIONS[selector].decode(data)
    except AbiMismatch:
        return []
    inner = ["0x" + bytes(one).hex() for one in values[0][:_MOST_CALLS]]
    return [(one[:_SELECTOR_END], one) for one in inner]


def _mentioned(scope: BlockScope, call: Call) -> Intent:
    """The first watched contract that is an argument, word for word."""
    text = call.input[:_MOST_LOOKED_AT].lower()
    for at in range(_SELECTOR_END, len(text) - _WORD + 1, _WORD):
        if text.startswith(_PADDING, at):
            contract = "0x" + text[at + 24 : at + _WORD]
            token = scope.token_of(contract)
            if token is not None:
                return Intent(contract=contract, token=token)
    return Intent()
