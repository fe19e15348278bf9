"""What was asked on chain about transfers, from the frame into their events.

See `normalizer/events/chain_checks.py` for what the fields mean, and `pipeline/evm_payload.py` for
how the frame has it. An answer that can't be read counts as missing: it is the contract's, and not
worth losing a transfer for.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from normalizer.events.chain_checks import CheckedTransfer
from normalizer.events.chain_event import ChainEvent
from normalizer.status_codes import meaning
from pipeline.evm_payload import BlockState, Check, StateCall, TransferChecks
from pipeline.restriction_answers import PERMISSIONS, number, permits, status, text

#: Transaction, and index of the log or, for what was refused, which transfer of the call.
_Key = tuple[str, int | None, int]
_Answers = dict[BlockState, str]

_FLAGS: dict[Check, str] = {
    "verified-source": "check_source_verified",
    "verified-destination": "check_destination_verified",
    "compliance": "check_compliance_allows",
}
#: True forbids: the field says what the contract says.
_BARS: dict[Check, str] = {
    "frozen-source": "check_source_frozen",
    "frozen-destination": "check_destination_frozen",
    "paused": "check_paused",
}
_AMOUNTS: dict[Check, str] = {
    "balance-source": "check_source_balance",
    "balance-destination": "check_destination_balance",
    "frozen-tokens": "check_source_frozen_tokens",
    "supply": "check_supply",
}
_COUNTRIES: dict[Check, str] = {
    "country-source": "check_source_country",
    "country-destination": "check_destination_country",
}
#: ISO 3166-1 numeric has three digits, ERC-3643 a uint16.
_LARGEST_COUNTRY = 0xFFFF
_LARGEST_RESTRICTION = 0xFF


class CheckedBlock:
    """The checks of one frame, by transfer."""

    def __init__(self, calls: Sequence[StateCall], checks: Iterable[TransferChecks]) -> None:
        self._calls = calls
        self._checks: dict[_Key, TransferChecks] = {
            (one.transaction_hash.lower(), one.log_index, one.place): one for one in checks
        }

    def put_into(self, events: Iterable[ChainEvent]) -> None:
        """Fill in what was asked about the transfers among these events."""
        for event in events:
            if isinstance(event, CheckedTransfer) and event.log_index is not None:
                self.put(event)

    def put(self, event: CheckedTransfer, place: int = 0) -> None:
        """Fill in what was asked about one; ``place`` is that in a refused call."""
        checks = self._checks.get((event.transaction_hash or "", event.log_index, place))
        if checks is None:
            return
        for name, value in _fields(self._calls, checks, done=event.log_index is not None).items():
            setattr(event, name, value)


def _fields(calls: Sequence[StateCall], checks: TransferChecks, *, done: bool) -> dict[str, Any]:
    """The attributes of an event. ``done``: the transfer went through."""
    answers: dict[Check, _Answers] = {}
    failures: dict[Check, str] = {}
    for check, place in checks.asked:
        if place >= len(calls):
            continue
        call = calls[place]
        output = call.output
        if output is not None and _readable(check, output):
            # The first form of a function that has two is the standard's own.
            answers.setdefault(check, {}).setdefault(call.state, output)
        else:
            failures.setdefault(check, call.failure or "unreadable")
    missing = [f"{check}:{why}" for check, why in failures.items() if check not in answers]
    fields: dict[str, Any] = {
        "check_state": _state(answers, failures),
        "check_missing": tuple(missing),
        "check_preceded": checks.preceded,
    }
    changed: list[str] = []
    for check, states in answers.items():
        output = states.get("before") or states["after"]
        if check in PERMISSIONS and len(states) == 2:
            before, after = permits(check, states["before"]), permits(check, states["after"])
            if before is not after:
                changed.append(check)
                # The answer that agrees with what the token did.
                output = states["after"] if after is done else output
        _FILL[check](fields, check, output)
    if not fields.get("check_restriction_code"):
        fields.pop("check_restriction_message", None)
    fields["check_changed"] = tuple(changed)
    return fields


def _state(answers: dict[Check, _Answers], failures: dict[Check, str]) -> str:
    missing = {why for check, why in failures.items() if check not in answers}
    if not missing:
        return "complete"
    if answers:
        return "partial"
    for why in ("unavailable", "limit"):
        if missing == {why}:
            return why
    return "failed"


def _readable(check: Check, output: str) -> bool:
    try:
        if check in ("status", "partition"):
            return status(check, output) is not None
        if check == "restriction-message":
            return text(output) is not None
        value = number(output)
    except ValueError:
        return False
    if value is None:
        return False
    if check in _FLAGS or check in _BARS:
        return value <= 1
    if check in _COUNTRIES:
        return value <= _LARGEST_COUNTRY
    return check != "restriction" or value <= _LARGEST_RESTRICTION


def _flag(fields: dict[str, Any], check: Check, output: str) -> None:
    fields[_FLAGS[check]] = bool(number(output))


def _bar(fields: dict[str, Any], check: Check, output: str) -> None:
    fields[_BARS[check]] = bool(number(output))


def _amount(fields: dict[str, Any], check: Check, output: str) -> None:
    fields[_AMOUNTS[check]] = str(number(output))


def _country(fields: dict[str, Any], check: Check, output: str) -> None:
    fields[_COUNTRIES[check]] = number(output)


def _restriction(fields: dict[str, Any], check: Check, output: str) -> None:
    fields["check_restriction_code"] = number(output)


def _message(fields: dict[str, Any], check: Check, output: str) -> None:
    fields["check_restriction_message"] = text(output) or None


def _status(fields: dict[str, Any], check: Check, output: str) -> None:
    found = status(check, output)
    assert found is not None
    fields["check_status_code"] = f"0x{found.code:02x}"
    fields["check_status_meaning"] = meaning(found.code)
    fields["check_status_allows"] = found.permits
    fields["check_status_reason"] = None if found.reason is None else _readably(found.reason)


def _readably(word: str) -> str:
    """A bytes32 as the text that it often is."""
    data = bytes.fromhex(word[2:]).rstrip(b"\0")
    return data.decode() if data.isascii() and data.decode().isprintable() else word


_FILL: dict[Check, Callable[[dict[str, Any], Check, str], None]] = {
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_BARS, _bar),
    **dict.fromkeys(_AMOUNTS, _amount),
    **dict.fromkeys(_COUNTRIES, _country),
    "restriction": _restriction,
    "restriction-message": _message,
    "status": _status,
    "partition": _status,
}
