"""Every transfer of the token as a bubble by block and amount."""

import math

from demo.report.palette import legend_mark, marker
from demo.report.story import Story
from demo.report.venue_chart import anchor
from demo.verdict import JudgedAlert
from demo.words import shortened, typology_name
from normalizer.events.chain import TokenTransfer, TokenTransferRefused
from pipeline.page.canvas import Panel, figure, key, swatch, x_axis, y_axis
from pipeline.page.markup import Html, el, join
from pipeline.page.scales import Log, ticks
from pipeline.page.words import compact, number, plural

_PANEL = Panel(40, 330)
_LARGEST = 26.0
_SMALLEST = 3.0

_Transfer = TokenTransfer | TokenTransferRefused


def transfer_chart(story: Story) -> Html | None:
    """The chart, or None where nothing moved."""
    made = [event for event in story.events if isinstance(event, _Transfer) and event.amount]
    if not made:
        return None
    amounts = [event.amount or 0 for event in made]
    low = 10.0 ** math.floor(math.log10(min(amounts)) - 0.05)
    high = max(amounts) * 3
    y = Log(low, high, _PANEL.bottom, _PANEL.top)
    first, last = made[0].block_number, made[-1].block_number
    x = _PANEL.x(first - 1, last + 1)
    flagged = story.by_transaction()
    largest = max(amounts)
    # Large ones first, so that none hides a smaller one.
    ordered = sorted(made, key=lambda event: -(event.amount or 0))
    drawn = join(
        y_axis(
            _PANEL,
            y,
            f"{made[0].token_symbol or 'tokens'} per transfer, logarithmic",
            y.ticks(),
            [compact(value) for value in y.ticks()],
        ),
        x_axis(_PANEL, x, "block number", [t for t in ticks(first, last, 10) if t == int(t)]),
        *(
            _bubble(
                event,
                flagged.get(event.transaction_hash or ""),
                x(event.block_number),
                y(event.amount or 0),
                largest,
            )
            for event in ordered
        ),
    )
    refused = sum(isinstance(event, TokenTransferRefused) for event in made)
    seen = [e for e in made if e.transaction_hash in flagged]
    typologies = sorted(
        {flagged[e.transaction_hash].alert.typology for e in seen if e.transaction_hash}
    )
    said = (
        f"{plural(len(made), 'transfer')} of {number(min(amounts), 6)} to {number(max(amounts))} "
        f"{made[0].token_symbol or 'tokens'}, both legs of pool trades included; {refused} refused "
        f"by the token, {len(seen)} in an alert's evidence."
    )
    legend = join(
        *(key(legend_mark(t), typology_name(t)) for t in typologies),
        key(legend_mark("transfer_restrictions", hollow=True), "hollow: refused by the token"),
        key(swatch("bubble", "dot"), "no alert"),
    )
    return figure(
        title="Chain: transfers by block",
        said=said,
        height=376,
        drawn=drawn,
        legend=legend,
        name="transfers",
    )


def _bubble(
    event: _Transfer, judged: JudgedAlert | None, x: float, y: float, largest: float
) -> Html:
    source = event.source_investor or shortened(event.source_address)
    destination = event.destination_investor or shortened(event.destination_address)
    tip = (
        f"{number(event.amount or 0, 6)} {event.token_symbol or ''} from {source} "
        f"to {destination}, block {event.block_number}"
    )
    if judged:
        tip += f": {judged.alert.rule_name}"
    radius = _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt((event.amount or 0) / largest)
    if judged is None:
        return el("circle", el("title", tip), cx=x, cy=y, r=radius, class_="bubble")
    refused = isinstance(event, TokenTransferRefused)
    mark = marker(judged.alert.typology, x, y, max(radius, 6.0), title=tip, hollow=refused)
    return el("a", mark, href=f"#{anchor(judged)}")
