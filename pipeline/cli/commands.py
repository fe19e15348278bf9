"""All subcommands, registered by import. What a command needs it imports itself, when it runs."""

from pipeline.cli import (
    backtest,
    dead,
    demo,
    detect,
    doctor,
    evidence,
    retire,
    rules,
    rules_check,
    rules_convert,
    rules_explain,
    rules_promote,
    rules_stats,
    rules_test,
    run,
    setup,
    status,
)
from pipeline.cli.app import app

__all__ = [
    "app",
    "backtest",
    "dead",
    "demo",
    "detect",
    "doctor",
    "evidence",
    "retire",
    "rules",
    "rules_check",
    "rules_convert",
    "rules_explain",
    "rules_promote",
    "rules_stats",
    "rules_test",
    "run",
    "setup",
    "status",
]
