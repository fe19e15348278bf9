"""A cap table as text, JSON and CSV. Amounts in JSON and CSV are exact, in the smallest unit."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from rich.table import Table

from detections.cap_table.lots import FREE, Lot
from detections.cap_table.reconciliation import Difference
from detections.cap_table.table import CapTable, Holder
from pipeline.cli.printing import WIDE, output, printable, say

_MOST_HOLDERS = 200
_MOST_DIFFERENCES = 100


def as_json(table: CapTable, differences: Sequence[Difference] | None, *, lots: bool) -> str:
    """All of it. Times are nanoseconds since the epoch; null where unknown."""
    document: dict[str, Any] = {
        "token": table.token_id,
        "symbol": table.symbol,
        "chain": table.chain_id,
        "contract": table.contract,
        "block": table.block,
        "timestamp": table.timestamp,
        "decimals": table.decimals,
        "supply": str(table.supply),
        "issued": str(table.issued),
        "burned": str(table.burned),
        "holders": [_holder(table, wallet, holder, lots=lots) for wallet, holder in _shown(table)],
        "investors": [
            {"investor": name, "balance": str(amount), "wallets": wallets}
            for name, amount, wallets in _investors(table)
        ],
        "partitions": {
            wallet: {partition: str(amount) for partition, amount in held.items()}
            for wallet, held in sorted(table.partitions.balances.items())
        },
        "partition_names": table.partitions.names,
        "recoveries": table.recoveries,
        "notes": notes(table),
    }
    if differences is not None:
        document["differences"] = [
            {"what": one.what, "table": str(one.table), "chain": str(one.chain)}
            for one in differences
        ]
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_csv(table: CapTable, *, lots: bool) -> str:
    """A line for each holder, or with `lots` for each lot. Times are RFC 3339, in UTC."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = ["address", "investor", "jurisdiction", "accreditation", "balance"]
    columns += ["frozen", "frozen_amount"]
    writer.writerow([*columns, *(["lot", "acquired", "since", "issued"] if lots else [])])
    for wallet, holder in _shown(table):
        row: list[Any] = [
            wallet,
            _cell(holder.investor),
            _cell(holder.jurisdiction),
            _cell(holder.accreditation),
            holder.balance,
            str(holder.frozen).lower(),
            holder.frozen_amount,
        ]
        if not lots:
            writer.writerow(row)
        for lot in table.lots(wallet) if lots else ():
            times = [moment_text(one) for one in (lot.acquired, lot.since, lot.issued)]
            writer.writerow([*row, int(lot.amount), *times])
    return out.getvalue()


def print_table(table: CapTable, differences: Sequence[Difference] | None, *, lots: bool) -> None:
    """For people, in whole tokens."""
    console = output(width=WIDE)
    unit = 10 ** (table.decimals or 0)
    name = table.symbol or table.token_id or "token"
    held = table.holding
    holders = sum(one.balance > 0 for one in held.values())
    say(
        console,
        f"{name}, contract {table.contract} on chain {table.chain_id}, after block {table.block} "
        f"({moment_text(table.timestamp) or 'no event'})",
        "bold",
    )
    say(
        console,
        f"{holders:,} holders, supply {_amount(table.supply, unit)}: "
        f"{_amount(table.issued, unit)} issued, {_amount(table.burned, unit)} burned",
    )
    rows = Table(box=None, header_style="bold")
    rows.add_column("address", no_wrap=True)
    for column in ("investor", "in", "accreditation"):
        rows.add_column(column, overflow="fold")
    for column in ("balance", "share", "frozen"):
        rows.add_column(column, justify="right", no_wrap=True)
    if lots:
        for column in ("lot", "acquired", "from issuer", "issued"):
            rows.add_column(column, justify="right", no_wrap=True)
    for wallet, holder in list(held.items())[:_MOST_HOLDERS]:
        frozen = "all" if holder.frozen else ""
        if holder.frozen_amount and not holder.frozen:
            frozen = _amount(holder.frozen_amount, unit)
        share = f"{holder.balance / table.supply:.2%}" if table.supply > 0 else ""
        first: list[str] = [
            wallet,
            printable(holder.investor or ""),
            holder.jurisdiction or "",
            holder.accreditation or "",
            _amount(holder.balance, unit),
            share,
            frozen,
        ]
        if not lots:
            rows.add_row(*first)
            continue
        for lot in table.lots(wallet) or [None]:
            rows.add_row(*first, *_lot_cells(lot, unit))
            first = [""] * 7
    console.print(rows, markup=False)
    if len(held) > _MOST_HOLDERS:
        say(console, f"and {len(held) - _MOST_HOLDERS:,} more: --csv and --json have all")
    _print_investors(table, unit)
    _print_partitions(table, unit)
    for one in table.recoveries:
        say(console, f"recovered in block {one.block}: {one.lost} by {one.replacement}")
    for note in notes(table):
        say(console, f"note: {note}", "yellow")
    _print_differences(table, differences, unit)


def notes(table: CapTable) -> list[str]:
    """What is to be known about a table: what it rests on, and what was given up."""
    found: list[str] = []
    below = [wallet for wallet, one in table.holders.items() if one.balance < 0]
    if below or table.supply < 0:
        found.append(
            f"the events begin later than the token: {len(below):,} wallets sent more than they "
            "got, so balances are the change since then"
        )
    if table.by_partitions:
        found.append("there was no ERC-20 Transfer: balances are sums over partitions")
    elif unnamed := table.unplaced:
        found.append(f"{unnamed:,} wallets hold tokens whose partition no event named")
    if table.book.forgotten:
        found.append(
            f"the lots of {table.book.forgotten:,} wallets were forgotten for want of room: see "
            "--most-wallets"
        )
    if table.book.given_up:
        found.append(
            f"the times of {table.book.given_up:,} lots were forgotten for want of room: see "
            "--most-lots"
        )
    if table.deep_forks:
        found.append("a reorganisation took back more blocks than were still known")
    if table.partitions.unplaced:
        found.append(
            f"{table.partitions.unplaced:,} changes of partition say not whose tokens they are"
        )
    return found


def _print_investors(table: CapTable, unit: int) -> None:
    several = [one for one in _investors(table) if one[2] > 1]
    if not several:
        return
    rows = Table(box=None, header_style="bold")
    rows.add_column("investors with several wallets")
    for column in ("balance", "wallets"):
        rows.add_column(column, justify="right", no_wrap=True)
    for name, amount, wallets in several[:_MOST_HOLDERS]:
        rows.add_row(printable(name), _amount(amount, unit), str(wallets))
    output(width=WIDE).print(rows, markup=False)


def _print_partitions(table: CapTable, unit: int) -> None:
    if not table.partitions.balances:
        return
    rows = Table(box=None, header_style="bold")
    rows.add_column("address")
    rows.add_column("partition", overflow="fold")
    rows.add_column("balance", justify="right", no_wrap=True)
    for wallet, held in sorted(table.partitions.balances.items())[:_MOST_HOLDERS]:
        for partition, amount in sorted(held.items()):
            name = table.partitions.names.get(partition, partition)
            rows.add_row(wallet, printable(name), _amount(amount, unit))
    output(width=WIDE).print(rows, markup=False)


def _print_differences(
    table: CapTable, differences: Sequence[Difference] | None, unit: int
) -> None:
    if differences is None:
        return
    console = output(width=WIDE)
    if not differences:
        say(console, f"the chain agrees: totalSupply and {len(table.holders):,} balances", "green")
    for one in differences[:_MOST_DIFFERENCES]:
        say(
            console,
            f"{one.what}: {_amount(one.table, unit)} by the events, "
            f"{_amount(one.chain, unit)} on the chain",
            "red",
        )
    if len(differences) > _MOST_DIFFERENCES:
        say(console, f"and {len(differences) - _MOST_DIFFERENCES:,} more differences", "red")


def _shown(table: CapTable) -> Iterable[tuple[str, Holder]]:
    """Who has something, or something frozen: the largest first."""
    frozen = {
        wallet: one
        for wallet, one in sorted(table.holders.items())
        if not one.balance and (one.frozen or one.frozen_amount)
    }
    return [*table.holding.items(), *frozen.items()]


def _holder(table: CapTable, wallet: str, holder: Holder, *, lots: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": wallet,
        "investor": holder.investor,
        "jurisdiction": holder.jurisdiction,
        "accreditation": holder.accreditation,
        "cluster": holder.cluster,
        "labels": holder.labels,
        "balance": str(holder.balance),
        "frozen": holder.frozen,
        "frozen_amount": str(holder.frozen_amount),
    }
    if lots:
        found["lots"] = [
            {
                "amount": str(int(lot.amount)),
                "acquired": _known(lot.acquired),
                "since": _known(lot.since),
                "issued": _known(lot.issued),
                "event": lot.origin.id if lot.origin else None,
            }
            for lot in table.lots(wallet)
        ]
    return found


def _investors(table: CapTable) -> list[tuple[str, int, int]]:
    """Investors with their balances over all wallets, and how many these are."""
    found: dict[str, tuple[int, int]] = {}
    for holder in table.holding.values():
        if holder.investor is not None:
            amount, wallets = found.get(holder.investor, (0, 0))
            found[holder.investor] = (amount + holder.balance, wallets + 1)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return [(name, amount, wallets) for name, (amount, wallets) in ordered]


def _lot_cells(lot: Lot | None, unit: int) -> list[str]:
    if lot is None:
        return ["", "", "", ""]
    days = [moment_text(one)[:10] or "?" for one in (lot.acquired, lot.since, lot.issued)]
    return [_amount(int(lot.amount), unit), *days]


def _amount(raw: int, unit: int) -> str:
    """Exact, in whole tokens."""
    whole, rest = divmod(abs(raw), unit)
    text = f"{whole:,}"
    if rest:
        text += f"{Decimal(rest) / unit:f}"[1:].rstrip("0")
    return f"-{text}" if raw < 0 else text


def _known(moment: int) -> int | None:
    return moment if moment > FREE else None


def moment_text(moment: int | None) -> str:
    """RFC 3339 to the second, in UTC; empty where unknown."""
    if moment is None or moment <= FREE:
        return ""
    return datetime.fromtimestamp(moment // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cell(text: str | None) -> str:
    """For a spreadsheet, which must not take it for a formula."""
    return "'" + text if text and text[0] in "=+-@\t\r" else text or ""
