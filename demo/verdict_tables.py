"""The verdict on a terminal: what was planted and found, then every alert with its evidence."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from demo.verdict import Count, Item, JudgedAlert, Verdict
from demo.words import short_id, shortened, typology_name
from pipeline.page.words import plural, printable, ratio, span

_LEVEL_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_MOST_ORDERS = 4


def render(verdict: Verdict) -> RenderableType:
    """Everything, readable at 100 columns. Colour only repeats what a word says."""
    parts: list[RenderableType] = [_planted(verdict), "", _counts(verdict)]
    if verdict.alerts:
        parts += ["", _alerts(verdict)]
    return Group(*parts, "", headline(verdict))


def headline(verdict: Verdict) -> Text:
    """The outcome in one sentence."""
    total = verdict.total
    said = (
        f"{total.found} of {plural(total.planted, 'planted abuse')} found, {total.missed} missed; "
        f"{plural(total.alerts, 'alert')}, {plural(total.false_alarms, 'false alarm')}"
    )
    if verdict.decoys:
        said += f"; {verdict.decoys_passed} of {plural(len(verdict.decoys), 'decoy')} left in peace"
    return Text(said + ".", style="bold green" if verdict.complete else "bold red")


def _planted(verdict: Verdict) -> Table:
    table = _table("What was planted, and what was found")
    table.add_column("", no_wrap=True)
    table.add_column("typology", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column("what was played", ratio=3)
    table.add_column("found by", ratio=2)
    for item in verdict.items:
        table.add_row(
            Text("found", style="green") if item.found else Text("missed", style="bold red"),
            Text(typology_name(item.planted.typology)),
            Text(item.planted.where),
            Text(printable(item.planted.description)),
            Text(_found_by(item)),
        )
    for one in verdict.false_alarms:
        decoys = ", ".join(decoy.name for decoy in one.decoys)
        table.add_row(
            Text("false", style="bold red"),
            Text(printable(typology_name(one.alert.typology))),
            Text(printable(one.alert.provider)),
            Text(f"honest: {decoys}" if decoys else "nothing of the kind"),
            Text(printable(one.alert.rule_name)),
        )
    return table


def _found_by(item: Item) -> str:
    times: dict[str, int] = {}
    for one in item.alerts:
        times[one.alert.rule_name] = times.get(one.alert.rule_name, 0) + 1
    said = ", ".join(f"{n} × {name}" if n > 1 else name for name, n in times.items())
    if item.latency is not None:
        said += f" after {span(item.latency)}"
    related = ", ".join(dict.fromkeys(one.alert.rule_name for one in item.related))
    if related:
        said = f"{said}; related: {related}" if said else f"only related: {related}"
    return printable(said) or "–"


def _counts(verdict: Verdict) -> Table:
    table = _table("By typology")
    table.add_column("typology")
    for name in ("planted", "found", "missed", "alerts", "related", "false"):
        table.add_column(name, justify="right")
    table.add_column("precision", justify="right")
    table.add_column("recall", justify="right")
    for count in verdict.counts:
        _count_row(table, typology_name(count.typology), count)
    table.add_section()
    _count_row(table, "All", verdict.total)
    return table


def _count_row(table: Table, name: str, count: Count) -> None:
    table.add_row(
        Text(printable(name)),
        str(count.planted),
        str(count.found),
        Text(str(count.missed), style="bold red" if count.missed else ""),
        str(count.alerts),
        str(count.related),
        Text(str(count.false_alarms), style="bold red" if count.false_alarms else ""),
        ratio(count.precision),
        ratio(count.recall),
    )


def _alerts(verdict: Verdict) -> Table:
    table = _table("The alerts")
    table.add_column("severity", no_wrap=True)
    table.add_column("what, and on what evidence", ratio=1)
    for one in verdict.alerts:
        level = one.alert.level
        table.add_row(Text(level, style=_LEVEL_STYLES.get(level, "")), _alert(one))
    return table


def _alert(one: JudgedAlert) -> Text:
    alert = one.alert
    text = Text(printable(alert.rule_name), style="bold")
    if one.kind == "false":
        text.append(" (false alarm)", style="bold red")
    elif one.kind == "related":
        text.append(" (related)", style="yellow")
    text.append("\n" + printable(shortened(alert.reason)), style="not bold")
    for line in evidence_lines(one):
        text.append("\n" + printable(line), style="not bold dim")
    return text


def evidence_lines(one: JudgedAlert) -> list[str]:
    """Where to look: the completing transaction whole with its block, or the order ids."""
    alert = one.alert
    lines: list[str] = []
    transactions = alert.evidence_transactions
    if transactions:
        last = alert.transaction_hash or transactions[-1]
        more = len(set(transactions) - {last})
        block = f"block {alert.block_number}  " if alert.block_number is not None else ""
        lines.append(f"{block}{last}{f'  +{more} more' if more else ''}")
    if alert.evidence_orders:
        shown = "  ".join(short_id(order) for order in alert.evidence_orders[:_MOST_ORDERS])
        more = len(alert.evidence_orders) - _MOST_ORDERS
        trades = len(alert.evidence_trades)
        lines.append(
            f"orders {shown}{f'  +{more} more' if more > 0 else ''}"
            + (f"  ({plural(trades, 'trade')})" if trades else "")
        )
    elif alert.evidence_trades:
        lines.append(f"trades {'  '.join(alert.evidence_trades[:_MOST_ORDERS])}")
    return lines


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        header_style="dim",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        expand=False,
    )
