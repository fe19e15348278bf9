"""Why a call of a watched contract failed: asked of the node while it still knows the block.

A refused ERC-3643 transfer leaves no log, and an unverified receiver and a compliance block give
the same reason, "Transfer not possible". `checks` asks the contracts which it was. Where it is
switched off, the identity registry and the compliance contract are asked here, at the block itself.
That is the state after the block: where another transaction of the same block changed a
registration, the answer may differ from what the refused call saw.
Source: EIP-3643, `IIdentityRegistry.isVerified`, `ICompliance.canTransfer`.
"""

import msgspec
from eth_abi.abi import encode

from collectors.evm.blocks import Header, Transaction
from collectors.evm.calldata import Transfer, revert_reason, selector, wanted_transfer
from collectors.evm.rpc import RequestTimeout, RpcClient, RpcError
from collectors.evm.watched import Watched, WatchedToken
from pipeline.evm_payload import Refusal

_LONGEST_REASON = 1_000
_IS_VERIFIED = selector("isVerified(address)")
_CAN_TRANSFER = selector("canTransfer(address,address,uint256)")


class _TraceWire(msgspec.Struct):
    revert_reason: str = msgspec.field(name="revertReason", default="")
    output: str = "0x"
    error: str = ""


_trace = msgspec.json.Decoder(_TraceWire)
_text = msgspec.json.Decoder(str)


class RefusalReader:
    """Asks a node why calls failed. What it can't answer stays None; only LinkLost is raised."""

    def __init__(self, rpc: RpcClient, watched: Watched, *, ask_registries: bool) -> None:
        """``ask_registries``: nobody else asks them about refused transfers."""
        self._rpc = rpc
        self._watched = watched
        self._registries = ask_registries
        self._traces = True
        self._by_hash = True

    async def explain(self, transaction: Transaction, block: Header) -> Refusal:
        """Reason, verification of the receiver and compliance, for a transaction that failed."""
        refusal = Refusal(transaction.hash, await self._reason(transaction, block))
        if not self._registries:
            return refusal
        token = self._watched.tokens.get(transaction.receiver or "")
        transfer = wanted_transfer(transaction.sender, transaction.data)
        if token is not None and transfer is not None:
            await self._ask_registries(refusal, token, transfer, block)
        return refusal

    async def _reason(self, transaction: Transaction, block: Header) -> str | None:
        if self._traces:
            try:
                return await self._traced(transaction)
            except RpcError as error:
                self._traces = not error.unsupported
            except (RequestTimeout, msgspec.MsgspecError, ValueError):
                pass  # the replay may still tell
        return await self._replayed(transaction, block)

    async def _traced(self, transaction: Transaction) -> str | None:
        options = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        answer = await self._rpc.call("debug_traceTransaction", transaction.hash, options)
        trace = _trace.decode(answer)
        reason = trace.revert_reason or revert_reason(bytes.fromhex(trace.output[2:]))
        return (reason or trace.error)[:_LONGEST_REASON] or None

    async def _replayed(self, transaction: Transaction, block: Header) -> str | None:
        """Of the call made again on the state before the block; None when it succeeds there."""
        call = {
            "from": transaction.sender,
            "to": transaction.receiver,
            "data": transaction.data,
        }
        try:
            await self._rpc.call("eth_call", call, hex(max(block.number - 1, 0)))
        except RpcError as error:
            return _reason_in(error)
        except RequestTimeout:
            pass
        return None

    async def _ask_registries(
        self, refusal: Refusal, token: WatchedToken, transfer: Transfer, block: Header
    ) -> None:
        if token.identity_registry is not None:
            data = _IS_VERIFIED + encode(("address",), (transfer.receiver,))
            refusal.receiver_verified = await self._ask(token.identity_registry, data, block)
        if token.compliance is not None:
            data = _CAN_TRANSFER + encode(
                ("address", "address", "uint256"),
                (transfer.sender, transfer.receiver, transfer.amount),
            )
            refusal.compliance_allows = await self._ask(token.compliance, data, block)

    async def _ask(self, contract: str, data: bytes, block: Header) -> bool | None:
        call = {"to": contract, "data": "0x" + data.hex()}
        for by_hash in (True, False) if self._by_hash else (False,):
            place: object = {"blockHash": block.hash} if by_hash else hex(block.number)
            try:
                answer = _text.decode(await self._rpc.call("eth_call", call, place))
                word = bytes.fromhex(answer[2:])
                return bool(int.from_bytes(word)) if len(word) == 32 else None
            except RpcError as error:
                if _reverted(error):
                    return None
                # Not every node takes a block's hash here (EIP-1898).
                self._by_hash = self._by_hash and not by_hash
            except (RequestTimeout, msgspec.MsgspecError, ValueError):
                return None
        return None


def _reverted(error: RpcError) -> bool:
    return error.code == 3 or "revert" in error.message.lower()


def _reason_in(error: RpcError) -> str | None:
    """From the revert data, a hex string; some nodes give only a message."""
    if not _reverted(error):
        return None
    try:
        text = _text.decode(error.data)
        if (reason := revert_reason(bytes.fromhex(text.rpartition("0x")[2]))) is not None:
            return reason
    except (msgspec.MsgspecError, ValueError):
        pass  # the message is left
    return error.message.partition("execution reverted: ")[2][:_LONGEST_REASON] or None
