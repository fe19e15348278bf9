"""``tapewatch simulate``: a market with or without abuse, as files to try rules on."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.failures import CONFIGURATION, Failure, command


@app.command()
@command
def simulate(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    market: Annotated[
        str | None,
        typer.Option(help="liquid, linked, thin, pool and others.", show_default="the abuse's"),
    ] = None,
    abuse: Annotated[
        str | None, typer.Option(help="What is abused; without, all are honest.")
    ] = None,
    intensity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="0.5 is what the abuse's source describes.")
    ] = 0.5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    wire: Annotated[
        str, typer.Option(help="Of venues: order-log, coinbase or kraken.")
    ] = "order-log",
    minutes: Annotated[
        int | None,
        typer.Option(min=1, max=10_000, help="How long an honest market goes on that has no end."),
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, max=1_000, help="How often it is abused.")
    ] = None,
) -> None:
    """Simulate a market and write its frames, events, reference data and labels.

    The order log and the feeds are in the venues' own formats; `tapewatch backtest` reads the
    events and the labels. Abusers are coded from statutes, enforcement documents and papers.
    """
    from pipeline.problems import did_you_mean
    from simulation.catalogue import CONDUCTS, ENDLESS, MARKETS, markets_of, play
    from simulation.folder import write
    from simulation.session import WIRE_FORMATS, WireFormat

    def known(option: str, value: str, names: tuple[str, ...]) -> None:
        if value not in names:
            meant = did_you_mean(value, names)
            hint = f": did you mean {meant}?" if meant else ""
            expected = ", ".join(names)
            raise Failure(
                f"{option}: {value} isn't known{hint} Expected one of {expected}", CONFIGURATION
            )

    if abuse is not None:
        known("--abuse", abuse, tuple(CONDUCTS))
        played, most = markets_of(abuse), CONDUCTS[abuse].most
        if market is not None and market not in played:
            raise Failure(f"--abuse {abuse} is played in the market {played[-1]}", CONFIGURATION)
        if minutes is not None:
            raise Failure("--minutes is of honest markets; use --episodes", CONFIGURATION)
        if episodes is not None and most is not None and episodes > most:
            said = f"--episodes: a session has room for {most} of {abuse}"
            raise Failure(said, CONFIGURATION)
        market = played[0]
    elif market is None:
        raise Failure("--market or --abuse is needed", CONFIGURATION)
    else:
        known("--market", market, MARKETS)
        if minutes is not None and market not in ENDLESS:
            raise Failure(f"--minutes: {market} has an end of its own", CONFIGURATION)
    known("--wire", wire, WIRE_FORMATS)
    length = minutes
    if minutes is not None and market == "pool":
        length = minutes * 5  # blocks
    forms: dict[str, WireFormat] = {one: one for one in WIRE_FORMATS}
    session = play(
        abuse or market,
        seed,
        intensity=intensity,
        wire=forms[wire],
        length=length,
        episodes=episodes,
    )
    if wire != "order-log" and not session.public:
        raise Failure(f"--wire: {market} has no feed of a venue", CONFIGURATION)
    try:
        written = write(session, out)
    except OSError as error:
        raise Failure(f"can't write to {out}: {error.strerror}") from error
    typer.echo(f"{out}: {written.frames} frames, {written.events} events, {written.labels} labels")
