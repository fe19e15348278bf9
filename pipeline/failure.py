"""How a command fails: in words that say what to do, with an exit code."""

from pipeline.secrets import without_secrets

#: It could not be done: a server that is not there, say.
FAILED = 1
#: The configuration, the rules or the command line must change.
CONFIGURATION = 2


class Failure(Exception):
    """Something can't be done. The text says why and what to do; there is no bug to look for."""

    code = FAILED

    def __init__(self, message: str, code: int | None = None) -> None:
        if code is not None:
            self.code = code
        # What a server says may repeat what it was sent.
        super().__init__(without_secrets(message))
