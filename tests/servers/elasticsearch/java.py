"""Finds the JDK that runs Elasticsearch: 21 or newer, and not a bare JRE."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from tests.servers.elasticsearch.errors import ElasticsearchUnavailable
from tests.servers.elasticsearch.privileges import reaches

OLDEST = 21
PREFERRED = 25  # what Elasticsearch 9.4 is built and tested with
NEEDED_MODULES = {"jdk.attach", "jdk.jlink"}  # absent in a JRE
SEARCHED = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
)


class Jdk(msgspec.Struct, frozen=True):
    home: Path
    version: int


def find_jdk(
    environ: Mapping[str, str] = os.environ,
    searched: tuple[str, ...] = SEARCHED,
    may_use: Callable[[Path], bool] = reaches,
) -> Jdk:
    """The JDK of JAVA_HOME if it fits, else the best of the usual places.

    Raises ElasticsearchUnavailable that lists what was found and why it does not do.
    """
    refused: list[str] = []
    fitting: list[Jdk] = []
    for home in _homes(environ, searched):
        release = _release(home)
        if release is None:
            continue
        version, modules = release
        if version < OLDEST:
            refused.append(f"{home} is version {version}")
        elif not modules >= NEEDED_MODULES:
            refused.append(f"{home} lacks {', '.join(sorted(NEEDED_MODULES - modules))} (a JRE?)")
        elif not may_use(home):
            refused.append(f"{home} cannot be entered by the user that runs Elasticsearch")
        else:
            jdk = Jdk(home, version)
            if environ.get("JAVA_HOME") and home == Path(environ["JAVA_HOME"]).resolve():
                return jdk
            fitting.append(jdk)
    if fitting:
        return min(fitting, key=lambda jdk: (jdk.version > PREFERRED, abs(jdk.version - PREFERRED)))
    found = "; ".join(refused) or "none was found"
    raise ElasticsearchUnavailable(
        f"Elasticsearch needs a full JDK {OLDEST} or newer ({found}); "
        "install one (for example Temurin 25) or set JAVA_HOME to it"
    )


def _homes(environ: Mapping[str, str], searched: tuple[str, ...]) -> Iterator[Path]:
    seen: set[Path] = set()
    candidates: list[Path] = []
    if environ.get("JAVA_HOME"):
        candidates.append(Path(environ["JAVA_HOME"]))
    on_path = shutil.which("java", path=environ.get("PATH", ""))
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent.parent)
    for pattern in searched:
        expanded = Path(pattern).expanduser()
        candidates.extend(sorted(Path(expanded.anchor).glob(str(expanded.relative_to("/")))))
    for candidate in candidates:
        home = candidate.resolve()
        if home not in seen:
            seen.add(home)
            yield home


def _release(home: Path) -> tuple[int, set[str]] | None:
    """Version and modules from a Java home's `release` file; None when it is no Java home."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    if not (home / "bin" / "java").is_file():
        return None
    entries = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    version = entries.get("JAVA_VERSION", "").strip('"').removeprefix("1.").split(".")[0]
    major = version.split("-")[0].split("+")[0]
    if not major.isdigit():
        return None
    return int(major), set(entries.get("MODULES", "").strip('"').split())
