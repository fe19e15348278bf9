"""How commands fail: in words that say what to do, with exit codes, never with a traceback.

0: done. 1: it could not be done (a server that is not there, say). 2: the configuration, the rules
or the command line must change. 141: whoever read the output, such as `head`, has gone before its
end, so what came of it is not told.
"""

import functools
import os
import sys
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar, cast

import typer

from pipeline.cli.access import note_access
from pipeline.failure import CONFIGURATION, FAILED, Failure
from pipeline.problems import ProblemsFound, fit_for_terminal, summary

P = ParamSpec("P")
R = TypeVar("R")

#: As of any Unix tool that SIGPIPE ends.
READER_GONE = 141


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command raises into a message on standard error and an exit code.

    That it is run is noted for the audit log before, where the configuration has one.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            _check_texts(kwargs)
            note_access(guarded, kwargs)
            return function(*args, **kwargs)
        except ProblemsFound as found:
            _say(f"{found}\n\n{summary(found.problems)}")
            raise typer.Exit(CONFIGURATION) from None
        except Failure as failure:
            _say(f"error: {failure}")
            raise typer.Exit(failure.code) from None
        except BrokenPipeError:
            # The reader of our output has gone, such as `head`; that is its right. What is still
            # buffered has nowhere to go, and must not fail once more when Python ends. It is no
            # success: `audit verify | head -1` would call good whatever it found.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(READER_GONE) from None
        except OSError as error:
            if error.errno is None:
                raise  # none of the operating system's
            # What no command has words of its own for: a name that is too long, a disk that broke.
            where = f"{error.filename}: " if error.filename is not None else ""
            _say(f"error: {Failure(f'{where}{error.strerror or error}')}")
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return guarded


def _check_texts(asked: Mapping[str, object]) -> None:
    """Raises Failure for what was typed and is no text: nothing could be found by it, or kept."""
    for name, value in asked.items():
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        for one in values:
            try:
                if isinstance(one, str):
                    one.encode()
            except UnicodeEncodeError:
                said = f"what is given as {name.replace('_', '-')} is no text in UTF-8"
                raise Failure(said, CONFIGURATION) from None


def _say(text: str) -> None:
    print(fit_for_terminal(text), file=sys.stderr)


__all__ = ["CONFIGURATION", "FAILED", "Failure", "command"]
