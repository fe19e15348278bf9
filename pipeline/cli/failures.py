"""How commands fail: in words that say what to do, with exit codes, never with a traceback.

0: done. 1: it could not be done (a server that is not there, say). 2: the configuration, the rules
or the command line must change.
"""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from pipeline.bus import BusUnavailable
from pipeline.bus.embedded import EmbeddedServerFailed
from pipeline.observability import EndpointFailed
from pipeline.problems import ProblemsFound, summary
from pipeline.supervisor import StageFailed

P = ParamSpec("P")
R = TypeVar("R")

FAILED = 1
CONFIGURATION = 2


#: What commands raise besides :class:`Failure`, in words for users.
EXPECTED = (ProblemsFound, EndpointFailed, StageFailed, BusUnavailable, EmbeddedServerFailed)


class Failure(Exception):
    """A command can't be carried out. The text says why and what to do."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        self.code = code
        super().__init__(message)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what a command raises into a message on standard error and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ProblemsFound as found:
            _say(f"{found}\n\n{summary(found.problems)}")
            raise typer.Exit(CONFIGURATION) from None
        except (EndpointFailed, StageFailed) as error:
            _say(f"error: {error}")
            raise typer.Exit(CONFIGURATION) from None
        except Failure as failure:
            _say(f"error: {failure}")
            raise typer.Exit(failure.code) from None
        except (BusUnavailable, EmbeddedServerFailed) as error:
            _say(f"error: {error}")
            raise typer.Exit(FAILED) from None
        except BrokenPipeError:
            # The reader of our output has gone, such as `head`; that is its right.
            sys.stderr.close()
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return guarded


def _say(text: str) -> None:
    print(text, file=sys.stderr)
