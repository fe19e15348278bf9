"""Who runs this process, and whose a file is: as the operating system says, by numbers.

Never of a variable of the environment (`LOGNAME`, `USER`), which anybody may set, as
`getpass.getuser` reads them first.
"""

import os
import sys


def current_user() -> str:
    """The system's user of this process; ``uid-1000`` for one without a name."""
    if sys.platform == "win32":
        import getpass

        return getpass.getuser()
    return _name(os.getuid())


def owner_of(known: os.stat_result) -> str:
    """Whose a file is, in the form of `current_user`."""
    return current_user() if sys.platform == "win32" else _name(known.st_uid)


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
