"""The command line, which wires all the packages together."""

import os
import sys


def main() -> None:
    """Entry point of the ``tapewatch`` command."""
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
        # It was closed: whoever reads it finds nothing, and no file that is opened takes its place.
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    try:
        from pipeline.cli.app import app
        from pipeline.cli.registering import register

        word = sys.argv[1] if len(sys.argv) > 1 else ""
        if word != "demo":  # whose web3 can't do without
            _leave_out("aiohttp")
        register(word)
        app(prog_name="tapewatch")
    except KeyboardInterrupt:  # before the command has begun
        sys.exit(130)


def _leave_out(package: str) -> None:
    """Have an import of this package fail, as if it were not installed.

    The clients of NATS and Elasticsearch import aiohttp where it is, as it is beside web3, for what
    we never ask of them. It would cost each process 11 MB, and half of the time until it works.
    """
    sys.modules.setdefault(package, None)  # pyright: ignore[reportArgumentType]


__all__ = ["main"]
