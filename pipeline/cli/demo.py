"""``tapewatch demo``: a market of its own, abused before your eyes, and what was found."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline import logs
from pipeline.cli.app import app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.names_from_here import from_here, program
from pipeline.cli.printing import Screen
from pipeline.config.schema import Logging

if TYPE_CHECKING:
    from demo.session import Progress as Played

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "sigma_rules"
RECORDING = ROOT / "demo" / "recorded"


@app.command()
@command
def demo(
    folder: Annotated[Path, typer.Option(help="Where it works and leaves its output.")] = Path(
        "var/demo"
    ),
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Replay the recorded session, even with Node.js.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the scripted participants on the chain.")] = 1,
    record: Annotated[
        Path | None, typer.Option(help="Keep the live session as a recording in this folder.")
    ] = None,
) -> None:
    """Play honest and abusive trading on a real chain and a venue, and watch it.

    Exit 1 if something planted was missed or an alert was false.
    """
    from demo.chain.anvil import NodeModulesMissing
    from demo.outcome import Outcome, conclude
    from demo.recording import keep
    from demo.session import SessionFailed, play_live, play_recorded
    from demo.workspace import NotOurs, Workspace

    logs.configure(Logging(level="warning"), stage="demo")
    console = Screen()
    workspace = Workspace(folder)
    try:
        workspace.prepare()
    except NotOurs as error:
        raise Failure(str(error), CONFIGURATION) from error

    async def play() -> Outcome:
        with _Display(console) as display:
            from_recording = recorded
            try:
                if recorded:
                    raise NodeModulesMissing("asked for the recording")
                truth = await play_live(workspace, RULES, seed, display.show)
                if record is not None:
                    display.say("keeping the recording")
                    await keep(workspace, truth, record)
            except NodeModulesMissing as missing:
                if not recorded:
                    display.log(f"No local chain ({missing}); the recorded session instead.")
                from_recording = True
                truth = await play_recorded(workspace, RECORDING, RULES, display.show)
            display.say("judging")
            return await asyncio.to_thread(conclude, workspace, truth, recorded=from_recording)

    from pipeline.process import run

    try:
        outcome = run(play())
    except SessionFailed as failed:
        raise Failure(f"{failed}\nThe stages' log: {workspace.log}") from failed
    if outcome is None:
        raise typer.Exit(130)
    for part in outcome.shown:
        console.print(part)
    console.print(f"\nAlerts, as ECS:   {from_here(workspace.out / 'alerts')}/*.ndjson")
    console.print(f"The page to show: [bold]{from_here(workspace.report)}[/]")
    # The market around one of them, where there was one.
    on_market = [one.alert for one in outcome.verdict.alerts if one.alert.instrument]
    if on_market:
        out = from_here(workspace.out)
        alert = min(on_market, key=lambda one: (one.typology != "spoofing", one.timestamp, one.id))
        console.print(
            f"A market to look at: {program()} market {alert.id[:10]} --out {out} --to market.html",
            soft_wrap=True,
        )
    if not outcome.verdict.complete:
        raise typer.Exit(FAILED)


class _Display:
    """A progress bar on a terminal, a line per phase elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[frames]:,} frames  {task.fields[alerts]} alerts"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None, frames=0, alerts=0)
        self._phase = ""

    def __enter__(self) -> "_Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, played: "Played") -> None:
        self._progress.update(self._task, frames=played.frames, alerts=played.alerts)
        self.say(played.phase)

    def say(self, phase: str) -> None:
        if phase != self._phase:
            self._phase = phase
            self._progress.update(self._task, description=phase)
            if not self._console.is_terminal:
                self._console.print(f"{phase} ...")

    def log(self, text: str) -> None:
        self._console.print(text)
