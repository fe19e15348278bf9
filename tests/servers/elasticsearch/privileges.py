"""As whom the node runs: Elasticsearch refuses root, so root hands it to an unprivileged uid."""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from tests.servers.elasticsearch.errors import ElasticsearchUnavailable

NOBODY = 65534


def is_root() -> bool:
    return os.geteuid() == 0


def reaches(path: Path) -> bool:
    """Whether the uid that runs the node can walk to `path` (always, when that uid is ours)."""
    if not is_root():
        return True
    path = path.resolve()
    return all(_others_may_enter(folder) for folder in (path, *path.parents) if folder.is_dir())


def _others_may_enter(folder: Path) -> bool:
    status = folder.stat()
    wanted = stat.S_IXUSR if status.st_uid == NOBODY else stat.S_IXOTH
    return bool(status.st_mode & wanted)


def reachable_temporary_folder() -> Path:
    """The first temporary folder that the node's uid can walk to.

    Raises ElasticsearchUnavailable when there is none.
    """
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp")]
    for folder in candidates:
        if folder.is_dir() and os.access(folder, os.W_OK) and reaches(folder):
            return folder
    raise ElasticsearchUnavailable(
        f"none of {', '.join(map(str, candidates))} can be entered by uid {NOBODY}, as whom "
        "Elasticsearch runs when the tests run as root; set TMPDIR to one that others may enter"
    )


def demoting_command() -> list[str]:
    """The prefix of a command line that drops root's rights; empty for an ordinary user."""
    if not is_root():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ElasticsearchUnavailable(
            "Elasticsearch refuses to run as root, and setpriv (util-linux), which drops root's "
            "rights, is not installed; install util-linux or run the tests as an ordinary user"
        )
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def hand_over(folder: Path) -> None:
    """Give `folder` and all in it to the uid that runs the node."""
    if not is_root():
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
