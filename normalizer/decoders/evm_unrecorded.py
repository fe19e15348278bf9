"""Logs that have no record of their own: kept whole, decoded where their signature is known."""

from decimal import Decimal
from typing import Any

import msgspec

from normalizer.abi import EventAbi
from normalizer.decoders.evm_scope import LogScope, related
from normalizer.decoders.evm_wire import Log
from normalizer.events.chain import ContractEvent


def contract_event(
    scope: LogScope, log: Log, abi: EventAbi | None, values: tuple[Any, ...]
) -> ContractEvent:
    """The log as it came, with name and arguments where ``abi`` is known."""
    if abi is None:
        return ContractEvent(
            **scope.fields,
            related_user=related(scope.call.sender),
            topics=tuple(log.topics),
            data=log.data,
            tags=("undecoded",),
        )
    addresses = [
        value
        for parameter, value in zip(abi.signature.parameters, values, strict=True)
        if parameter.type == "address"
    ]
    return ContractEvent(
        **scope.fields,
        related_user=related(scope.call.sender, *addresses),
        log_name=abi.name,
        log_arguments=arguments_text(abi.names, values),
        decoded=True,
        topics=tuple(log.topics),
        data=log.data,
    )


def arguments_text(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """Arguments by name as JSON; whole numbers as texts, bytes as hexadecimal with ``0x``."""
    plain = {name: _plain(value) for name, value in zip(names, values, strict=True)}
    return msgspec.json.encode(plain).decode()


def _plain(value: Any) -> Any:
    match value:
        case bool() | str():
            return value
        case int() | Decimal():
            return str(value)
        case bytes():
            return "0x" + value.hex()
        case _:
            return [_plain(item) for item in value]
