import os
import subprocess
import sys
from pathlib import Path

import pytest
from elasticsearch import AuthenticationException

from tests.fixtures.elasticsearch import remove_all
from tests.servers.elasticsearch.errors import ElasticsearchFailed, ElasticsearchUnavailable
from tests.servers.elasticsearch.java import find_jdk
from tests.servers.elasticsearch.privileges import reaches
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.elasticsearch.session import server_of_session, stop_orphans


async def test_the_node_indexes_and_finds(
    elasticsearch: ElasticsearchServer, index_prefix: str
) -> None:
    index = f"{index_prefix}events"
    async with elasticsearch.async_client() as client:
        assert (await client.info())["version"]["number"].startswith("9.")
        await client.index(index=index, id="1", document={"a": 1}, refresh=True)
        assert (await client.count(index=index))["count"] == 1


def test_what_a_test_made_goes_after_it_and_nothing_else(
    elasticsearch: ElasticsearchServer, index_prefix: str
) -> None:
    name = f"{index_prefix}mine-1"
    with elasticsearch.client() as client:
        client.cluster.put_component_template(name=name, template={})
        client.indices.put_index_template(
            name=name, index_patterns=[f"{name}*"], composed_of=[name], priority=1000
        )
        client.indices.create(index=name)
        client.indices.create(index=f"{index_prefix}other")
        remove_all(client, f"{index_prefix}mine-")
        assert list(client.indices.get(index=f"{index_prefix}*")) == [f"{index_prefix}other"]
        assert not client.indices.exists_index_template(name=name)
        assert not client.cluster.exists_component_template(name=name)


def test_every_process_of_a_session_gets_the_same_node(elasticsearch: ElasticsearchServer) -> None:
    code = (
        "from tests.servers.elasticsearch.session import server_of_session;"
        "print(server_of_session().url)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert other.stdout.strip() == elasticsearch.url, other.stderr


def test_a_url_that_answers_not_or_is_none_fails_with_its_variable_named() -> None:
    for url in ("http://127.0.0.1:1", "localhost:9200"):
        environ = {"TAPEWATCH_TEST_ELASTICSEARCH_URL": url}
        with pytest.raises(ElasticsearchFailed, match="TAPEWATCH_TEST_ELASTICSEARCH_URL"):
            server_of_session(environ=environ)


def test_credentials_in_a_url_are_used_and_never_shown() -> None:
    server = ElasticsearchServer.from_url("https://me:p%40ss@search.test/base")
    assert server.url == "https://search.test:443/base"
    assert (server.username, server.password) == ("me", "p@ss")
    assert "p@ss" not in repr(server)


def test_the_secure_node_lets_in_a_password_and_a_restricted_api_key(
    secure_elasticsearch: ElasticsearchServer,
) -> None:
    with secure_elasticsearch.client() as client:
        privileges = {"reader": {"indices": [{"names": ["events"], "privileges": ["read"]}]}}
        key = client.security.create_api_key(name="reader", role_descriptors=privileges)
    stranger = ElasticsearchServer(url=secure_elasticsearch.url)
    with stranger.client() as client, pytest.raises(AuthenticationException):
        client.info()
    reader = ElasticsearchServer(url=secure_elasticsearch.url, api_key=key["encoded"])
    with reader.client() as client:
        assert client.security.authenticate()["authentication_type"] == "api_key"


def java_home(folder: Path, version: str, modules: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").touch()
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return folder


def test_the_jdk_is_new_and_whole_and_java_home_comes_first(tmp_path: Path) -> None:
    whole = "java.base jdk.attach jdk.jlink"
    java_home(tmp_path / "a", "17.0.15", whole)
    java_home(tmp_path / "b", "25.0.3", "java.base")
    searched = (f"{tmp_path}/*",)
    with pytest.raises(ElasticsearchUnavailable, match=r"version 17.*lacks jdk.attach, jdk.jlink"):
        find_jdk({}, searched, may_use=lambda _: True)
    java_home(tmp_path / "c", "26", whole)
    java_home(tmp_path / "d", "21.0.1", whole)
    assert find_jdk({}, searched, lambda _: True).version == 21
    chosen = {"JAVA_HOME": str(tmp_path / "c")}
    assert find_jdk(chosen, searched, lambda _: True).version == 26
    with pytest.raises(ElasticsearchUnavailable, match="cannot be entered"):
        find_jdk({}, searched, lambda _: False)


def test_a_session_whose_leader_died_is_cleared_away_and_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    dead, living = tmp_path / f"{ended.pid}-aa", tmp_path / f"{os.getpid()}-bb"
    for folder in (dead, living):
        folder.mkdir()
        (folder / "open.json").write_text('{"unavailable":"no JDK"}')
    stop_orphans(tmp_path)
    assert [folder.name for folder in tmp_path.iterdir()] == [living.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the node as another user")
def test_roots_private_folders_are_out_of_the_nodes_reach(tmp_path: Path) -> None:
    private = tmp_path / "private"
    inner = private / "inner"
    inner.mkdir(parents=True)
    private.chmod(0o700)
    assert reaches(Path("/"))
    assert not reaches(inner)
