"""``standards.md``: every event of the token standards, and the record that it becomes."""

from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any, get_args, get_type_hints

from docs.generator.markdown import anchor, code, document, table
from docs.generator.standard_notes import NOTES
from docs.generator.suite_events import kept
from normalizer.abi import EventAbi
from normalizer.decoders.evm_records import BUILDERS
from normalizer.events.chain import ContractEvent
from normalizer.events.taxonomy import struct_type
from normalizer.status_codes import ERC1066, ERC1400

_MOST_CONTRACTS = 4

_INTRODUCTION = """\
Every event of the token standards that Tapewatch knows, with its topic0 and the record that it
becomes. An event is told by its topic0 and its number of topics, never by its name: the same name
stands for several things, and the same event is indexed here and not there.

Amounts are exact in all of them (`token.amount_raw` and others that end in `_raw`). What becomes a
`contract-event` is kept whole, with its name and its arguments by name, for rules of your own; it
matters to none of ours."""

_SUITE = """\
All {count} events of the ABI files of `@tokenysolutions/t-rex` 4.1.6 and `@onchain-id/solidity`
2.2.1, ERC-3643's among them, OpenZeppelin's that they inherit too. {typed} have a record of their
own, the other {rest} are kept as `contract-event`. A test encodes each of them with random values
and holds that all of them come back. Another performs every function of the packages' contracts on
a real node, and finds each log again as one event."""

_FAMILY = """\
ERC-1410, ERC-1594, ERC-1643 and ERC-1644, in the forms of the drafts' texts, of their reference
contracts and of ConsenSys' UniversalToken. Tests perform every operation on a real node, with
contracts of ours in both forms."""

_SRC20 = """\
Swarm's SRC-20: its token, transfer rules, registries and manager. Tests perform every operation on
a real node. It has nothing to do with Bitcoin's or Fuel's standards of that name."""

_ERC1404 = """\
ERC-1404 has no events of its own: its restrictions are functions, which are asked on chain, at the
block of each transfer and of each refusal. See `token.check.restriction.code` among the fields of
[`token-transfer`](fields.md#token-transfer)."""

_CODES = """\
What `canTransfer` and its kin answer, and what a token of the family reverts with. EIP-1400 gives
codes of the row 0x5* another meaning than ERC-1066, the standard that it takes them from, so both
are told where they differ."""

_TEXT = """\
What the text of ERC-3643 indexes otherwise than its own implementation. All else of it is in the
table above."""

_SECTIONS = {
    "ERC-3643": ("ERC-3643 (the standard text)",),
    "ERC-1400 family": (
        "ERC-1400 family: ERC1410/IERC1410.sol",
        "ERC-1400 family: ERC1594/IERC1594.sol",
        "ERC-1400 family: ERC1643/IERC1643.sol",
        "ERC-1400 family: ERC1644/IERC1644.sol",
        "EIP-1400 text",
        "ConsenSys UniversalToken ERC1400",
    ),
    "SRC-20": ("SRC-20 (Swarm)",),
    "ERC-20, ERC-721, ERC-1155, roles and proxies": (
        "ERC-20 / EIP-20",
        "ERC-721",
        "ERC-1155",
        "Proxy / role admin (compliance-relevant)",
    ),
}


def page() -> str:
    """The page."""
    suite = kept()
    forms = {_form(event.signature) for event in suite}
    own = sum(records(EventAbi.parse(event.signature)) != ("contract-event",) for event in suite)
    return document(
        "Token standards",
        _INTRODUCTION,
        "## T-REX and OnchainID (ERC-3643, ERC-734, ERC-735)",
        _SUITE.format(count=len(suite), typed=own, rest=len(suite) - own),
        _table(((event.signature, event.contracts) for event in suite), "emitted by"),
        "### Forms of the text alone",
        _TEXT,
        _table((line, ()) for line in known("ERC-3643") if _form(line) not in forms),
        "## ERC-1400 family",
        _FAMILY,
        _table((line, ()) for line in known("ERC-1400 family")),
        "## SRC-20",
        _SRC20,
        _table((line, ()) for line in known("SRC-20")),
        "## ERC-20, ERC-721, ERC-1155, roles and proxies",
        _table((line, ()) for line in known("ERC-20, ERC-721, ERC-1155, roles and proxies")),
        "## ERC-1404",
        _ERC1404,
        "## Status codes of ERC-1066 and ERC-1400",
        _CODES,
        table(
            ("code", "in EIP-1400 and EIP-1594", "in ERC-1066"),
            (
                (code(f"0x{number:02x}"), ERC1400.get(number, ""), ERC1066.get(number, ""))
                for number in sorted({*ERC1400, *ERC1066})
            ),
        ),
    )


def known(section: str) -> list[str]:
    """The signatures of a section, as ``known_events.txt`` has them under its headings."""
    headings = _SECTIONS[section]
    text = resources.files("normalizer").joinpath("known_events.txt").read_text("utf-8")
    found: list[str] = []
    heading = ""
    for line in text.splitlines():
        if line.startswith("# "):
            heading = line[2:]
        elif line and heading in headings:
            found.append(line)
    return found


def records(abi: EventAbi) -> tuple[str, ...]:
    """``event.action`` of the records that an event can become."""
    _, builder = BUILDERS[abi.topic0, abi.topic_count]
    made: Any = ContractEvent if builder is None else get_type_hints(builder)["return"]
    return tuple(str(struct_type(one).tag) for one in get_args(made) or (made,))


def _form(signature: str) -> tuple[str, int]:
    abi = EventAbi.parse(signature)
    return abi.topic0, abi.topic_count


def note(abi: EventAbi) -> str:
    """What is exceptional about an event; empty where nothing is."""
    form = f"{abi.name}/{len(abi.signature.parameters)}"
    return NOTES.get(form, NOTES.get(abi.name, ""))


def _table(events: Iterable[tuple[str, Sequence[str]]], last: str | None = None) -> str:
    head = ["event", "topic0", "record", *([last] if last else []), "exceptional"]
    rows: list[list[str]] = []
    for signature, contracts in events:
        abi = EventAbi.parse(signature)
        shown = ", ".join(contracts[:_MOST_CONTRACTS])
        more = len(contracts) - _MOST_CONTRACTS
        rows.append(
            [
                code(signature),
                code(abi.topic0),
                ", ".join(f"[{code(one)}](fields.md{anchor(one)})" for one in records(abi)),
                *([f"{shown} and {more} more" if more > 0 else shown] if last else []),
                note(abi),
            ]
        )
    return table(head, rows)
