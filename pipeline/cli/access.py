"""Who ran which command: an entry of the audit log for each that looks into an installation.

Tapewatch has no accounts of its own: who may run its commands and read its files, the operating
system says. So the login is the running of a command, with the system's user and what was asked.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import typer

from pipeline.cli.app import app
from pipeline.masking import masked

#: Commands that note themselves what they do, and those that look at nobody's data: what runs the
#: pipeline, monitoring that asks every few seconds, work on rules.
UNNOTED = frozenset(
    {
        "run", "status", "doctor", "demo", "reload", "replay", "retire", "dead replay",
        "dead expire", "checkpoints drop", "clusters override together",
        "clusters override apart", "clusters override lift", "privacy erase",
    }
)  # fmt: skip
#: What is asked of these may name a person, which a log that nobody can change must not hold.
_UNTOLD = frozenset({"privacy list", "privacy pseudonyms"})
#: Options that say where a secret is. Whoever gives the secret itself is told so by the command.
SECRETS = frozenset({"api_key", "password", "splunk_token"})
_MOST_SAID = 500
_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_PRIVATE_KEY = "PRIVATE+KEY+"
_URL = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/?#\s@]*@)?([^/?#\s]*)[^\s]*", re.IGNORECASE)


def note_access(function: Callable[..., object], asked: Mapping[str, object]) -> None:
    """Note that a command is run, where its configuration has an audit log.

    Raises ProblemsFound, and Failure where it can't be noted: then it isn't run.
    """
    path = asked.get("config")
    if not isinstance(path, Path):
        return
    try:
        if not path.is_file() or b"audit" not in path.read_bytes():
            return  # most have none, and reading it all takes time
    except OSError:
        return  # who can't read it is told so by the command, which can't either
    name = command_name(app, function)
    if name is None or name in UNNOTED:
        return
    import msgspec

    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway
    from pipeline.config.loading import load_configuration

    arguments = told(asked, everything=name not in _UNTOLD)
    note = CommandNote(
        action="access",
        what=name,
        why=str(asked.get("why") or ""),
        after=msgspec.Raw(msgspec.json.encode(arguments)),
    )
    noted_anyway(load_configuration(path, resolve="later"), note)


def command_name(group: typer.Typer, function: Callable[..., object]) -> str | None:
    """What a command is called behind ``tapewatch``, such as ``dead list``; None if it is none."""
    for info in group.registered_commands:
        if info.callback is function:
            return info.name or function.__name__.replace("_", "-")
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            found = command_name(inner.typer_instance, function)
            if found is not None:
                return f"{inner.name} {found}"
    return None


def told(asked: Mapping[str, object], *, everything: bool) -> dict[str, str]:
    """What was asked for, by the names of arguments; of URLs no more than the host, and no secrets,
    since nothing is ever taken out of the log."""
    found: dict[str, str] = {}
    for name, value in asked.items():
        if value in (None, False, (), []) or name in ("config", "why"):
            continue
        values = value if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownVariableType]
        text = " ".join(str(one) for one in values)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if (name in SECRETS and not _REFERENCE.fullmatch(text)) or _PRIVATE_KEY in text:
            text = "***"
        text = masked(_URL.sub(r"\1\2", text))
        found[name] = text[:_MOST_SAID] if everything else "..."
    return found
