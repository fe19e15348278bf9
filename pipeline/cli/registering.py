"""Which modules register a command: of what somebody asks for, no other is imported."""

import importlib

from pipeline.cli.app import app, put_in_panels

#: By the first word of a command, in the order of the help. Of a group, its first module makes it.
MODULES: dict[str, tuple[str, ...]] = {
    "audit": ("audit", "audit_anchor", "audit_copy", "audit_index"),
    "backtest": ("backtest",),
    "cap-table": ("cap_table",),
    "case": ("case", "case_open"),
    "checkpoints": ("checkpoints",),
    "clusters": ("clusters",),
    "dead": ("dead",),
    "demo": ("demo",),
    "detect": ("detect",),
    "doctor": ("doctor",),
    "evidence": ("evidence",),
    "market": ("market",),
    "normalize": ("normalize",),
    "privacy": ("privacy",),
    "reference": ("reference", "reference_pools"),
    "reload": ("reload",),
    "replay": ("replay",),
    "report": ("report", "report_schedule", "report_suspicious"),
    "retire": ("retire",),
    "rules": (
        "rules",
        "rules_calibrate",
        "rules_check",
        "rules_convert",
        "rules_explain",
        "rules_new",
        "rules_promote",
        "rules_stats",
        "rules_test",
    ),
    "run": ("run",),
    "setup": ("setup", "setup_elastic", "setup_kibana"),
    "simulate": ("simulate",),
    "status": ("status",),
    "timeline": ("timeline",),
}


def register(word: str = "") -> None:
    """Register the command that begins with this word; all, where none does (as for `--help`).

    Each stage of `tapewatch run` is a process that comes by here.
    """
    for module in MODULES.get(word) or (one for of in MODULES.values() for one in of):
        importlib.import_module(f"pipeline.cli.{module}")
    put_in_panels(app)
