"""What a token's contract says of balances and supply at a block, by JSON-RPC over HTTP.

`balanceOf(address)` and `totalSupply()` of ERC-20 by `eth_call`, in batches
(https://www.jsonrpc.org/specification, section 6).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx
import msgspec

from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.secrets import SecretError, SecretText

_BALANCE_OF = "0x70a08231"
_TOTAL_SUPPLY = "0x18160ddd"
_CALLS = 100
_TIMEOUT = 30.0
_LONGEST_ANSWER = 16 << 20
#: What nodes say that have no state of a block.
_NO_STATE = ("missing trie", "state", "archive", "pruned", "header not found", "unknown block")


class _Error(msgspec.Struct):
    message: str = ""
    code: int = 0


class _Answer(msgspec.Struct):
    id: int | None = None
    result: str | None = None
    error: _Error | None = None


_read = msgspec.json.Decoder(list[_Answer]).decode


class Contract:
    """A token's contract on a node. Use it as a context manager. All methods raise Failure."""

    def __init__(self, url: str, chain_id: int, address: str) -> None:
        """`url` may hold references to secrets, such as `https://node/${env:KEY}`."""
        try:
            self._url = SecretText(url).reveal()
        except SecretError as error:
            raise Failure(f"--reconcile: {error}", CONFIGURATION) from error
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Failure(
                "--reconcile wants the node's JSON-RPC over HTTP, such as https://node.example.com",
                CONFIGURATION,
            )
        #: The path of such a URL mostly is a key, so nobody is shown it.
        self._name = f"{parts.scheme}://{parts.hostname}"
        local = parts.hostname in ("127.0.0.1", "::1", "localhost")
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=not local)
        self._chain_id = chain_id
        self._address = address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def check_chain(self) -> None:
        """Fail where the node is one of another chain."""
        (found,) = self._ask([("eth_chainId", [])])
        if int(found, 16) != self._chain_id:
            raise Failure(
                f"{self._name} is a node of chain {int(found, 16)}, and the token is on chain "
                f"{self._chain_id}",
                CONFIGURATION,
            )

    def supply(self, block: int) -> int:
        """`totalSupply()` at a block."""
        (found,) = self._ask([self._call(_TOTAL_SUPPLY, block)])
        return _number(found)

    def balances(
        self, wallets: Sequence[str], block: int, on_asked: Callable[[int], None]
    ) -> Mapping[str, int]:
        """`balanceOf` of each wallet at a block. `on_asked` is told how many are done."""
        found: dict[str, int] = {}
        for some in _parts(wallets):
            calls = [
                self._call(f"{_BALANCE_OF}{wallet.removeprefix('0x'):0>64}", block)
                for wallet in some
            ]
            for wallet, answer in zip(some, self._ask(calls), strict=True):
                found[wallet] = _number(answer)
            on_asked(len(found))
        return found

    def _call(self, data: str, block: int) -> tuple[str, list[object]]:
        return "eth_call", [{"to": self._address, "data": data}, hex(block)]

    def _ask(self, calls: Sequence[tuple[str, list[object]]]) -> list[str]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        try:
            answer = self._client.post(self._url, json=body)
        except httpx.HTTPError as error:
            raise Failure(
                f"{self._name} gives no answer: {type(error).__name__}", FAILED
            ) from error
        if answer.is_error:
            raise Failure(f"{self._name} answers with status {answer.status_code}", FAILED)
        if len(answer.content) > _LONGEST_ANSWER:
            raise Failure(f"{self._name} answers with more than {_LONGEST_ANSWER} bytes", FAILED)
        try:
            found = {one.id: one for one in _read(answer.content)}
        except msgspec.MsgspecError as error:
            raise Failure(f"{self._name} doesn't answer as JSON-RPC in batches", FAILED) from error
        return [self._result(found.get(number)) for number in range(len(calls))]

    def _result(self, answer: _Answer | None) -> str:
        if answer is None:
            raise Failure(f"{self._name} left a call unanswered", FAILED)
        if answer.error is not None:
            said = answer.error.message
            advice = (
                ": ask a node that has the history (an archive node), or a newer block"
                if any(word in said.lower() for word in _NO_STATE)
                else ""
            )
            raise Failure(f"{self._name} refuses: {said[:200]}{advice}", FAILED)
        return answer.result or ""


def _parts(wallets: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(wallets), _CALLS):
        yield wallets[first : first + _CALLS]


def _number(text: str) -> int:
    """A uint256 of an answer."""
    digits = text.removeprefix("0x")
    try:
        return int(digits[:64], 16)
    except ValueError as error:
        raise Failure(
            "the contract gives no number: is it a token with balanceOf and totalSupply, and was "
            "it there at that block?",
            FAILED,
        ) from error
