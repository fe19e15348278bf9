"""A NATS server of the operator's own: TLS, log-in, shared servers, and errors that say what to do.

Real nats-servers; the certificates are made here by the `openssl` command.
"""

import asyncio
import importlib.util
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.bus import Bus, BusUnavailable, Stream
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.bus.streams import StreamNames, stream_configuration
from pipeline.config.schema import ExternalBus, StreamLimits, Streams, Tls
from pipeline.frames import Frame
from pipeline.secrets import Secret, SecretText
from pipeline.source_state import SourceState
from pipeline.units import DAY, HOUR, MIB, SECOND
from tests.fixtures.required import give_up
from tests.servers.nats import nats_server_binary

PASSWORD = "s3cr3t-0123456789abcdef"
WRONG = "wr0ng-0123456789abcdef"
#: A first connection that can't be made says so within this, in seconds.
PATIENCE = 12.0
Start = Callable[..., str]


class Authority(NamedTuple):
    """A certificate authority and what it signed, as PEM files."""

    ca: Path
    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that signed nothing of ours."""
    return _authority(tmp_path_factory.mktemp("stranger"))


def _authority(folder: Path) -> Authority:
    if shutil.which("openssl") is None:
        give_up("TLS", "the openssl command is missing")
    found = Authority(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    # What RFC 5280 asks for, Python insists on since 3.13.
    names = "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n"
    (folder / "names").write_text(names)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for arguments in (
        ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA",
         "-days", "2", "-addext", "keyUsage=critical,keyCertSign"],
        ["req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names"],
    ):  # fmt: skip
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(configuration)` starts a server and gives `localhost:port`."""
    with ExitStack() as stack:
        count = iter(range(10))

        def one(configuration: str = "", *, jetstream: bool = True) -> str:
            folder = tmp_path / f"nats-{next(count)}"
            return stack.enter_context(_server(folder, configuration, jetstream))

        yield one


@contextmanager
def _server(folder: Path, configuration: str, jetstream: bool) -> Iterator[str]:
    folder.mkdir()
    # Without a limit JetStream grants three quarters of what is free on the disk now.
    limits = f"store_dir: {json.dumps(str(folder))}, max_file_store: 1TB"
    store = f"jetstream {{ {limits} }}\n" if jetstream else ""
    (folder / "nats.conf").write_text(
        f"listen: 127.0.0.1:-1\nports_file_dir: {json.dumps(str(folder))}\n{store}{configuration}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [nats_server_binary(), "-c", folder / "nats.conf"], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 10
        while not (ports := [p for f in folder.glob("*.ports") if (p := _ports(f))]):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)
        yield f"localhost:{ports[0]}"
    finally:
        process.terminate()
        process.wait(10)


def _ports(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_text())["nats"][0].rpartition(":")[2])
    except ValueError:
        return None


def tls(authority: Authority, more: str = "") -> str:
    files = f'cert_file: "{authority.certificate}", key_file: "{authority.key}"'
    return f"tls {{ {files}{more} }}\n"


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Secret]:
    def make(value: str) -> Secret:
        monkeypatch.setenv("TAPEWATCH_TEST_NATS", value)
        return Secret("${env:TAPEWATCH_TEST_NATS}")

    return make


def bus_at(place: str, *, scheme: str = "nats", **options: Any) -> ExternalBus:
    small = StreamLimits(max_size=64 * MIB)
    streams = Streams(raw=small, events=small, alerts=small, dead=small)
    usual: dict[str, Any] = {"urls": [SecretText(f"{scheme}://{place}")], "streams": streams}
    return ExternalBus(**usual | options)


async def works(config: ExternalBus) -> None:
    async with await Bus.connect(config, name="test") as bus:
        outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=MIB)
        writer = asyncio.create_task(outlet.run())
        before = await bus.last_sequence(Stream.RAW)
        await outlet.send(Frame(str(time.time_ns()), 1, b"frame"))
        await asyncio.wait_for(outlet.flush(), 10)
        writer.cancel()
        assert await bus.last_sequence(Stream.RAW) == before + 1


async def refusal(config: ExternalBus) -> str:
    """What is said of a connection that can't be made, soon and without secrets."""
    began = time.monotonic()
    with pytest.raises(BusUnavailable) as caught:
        await Bus.connect(config, name="test")
    assert time.monotonic() - began < PATIENCE
    said = str(caught.value)
    seen: list[BaseException | None] = [caught.value.__cause__, caught.value.__context__]
    for text in (said, repr(caught.value), *map(repr, seen if caught.value.__cause__ else [])):
        assert PASSWORD not in text
        assert WRONG not in text
    return said


async def test_a_server_without_log_in_or_tls(start: Start) -> None:
    await works(bus_at(start()))


async def test_tls_with_user_and_password(
    start: Start, authority: Authority, secret: Callable[[str], Secret]
) -> None:
    users = f'authorization {{ user: watch, password: "{PASSWORD}" }}\n'
    place = start(users + tls(authority))
    trusted = Tls(ca_certificate=authority.ca)

    await works(bus_at(place, tls=trusted, username="watch", password=secret(PASSWORD)))
    await works(
        bus_at(place, scheme="tls", tls=trusted, username="watch", password=secret(PASSWORD))
    )
    said = await refusal(bus_at(place, tls=trusted, username="watch", password=secret(WRONG)))

    assert "Authorization Violation" in said
    assert "check bus.username and bus.password" in said
    assert place in said


async def test_tls_with_a_token(
    start: Start, authority: Authority, secret: Callable[[str], Secret]
) -> None:
    place = start(f'authorization {{ token: "{PASSWORD}" }}\n' + tls(authority))
    trusted = Tls(ca_certificate=authority.ca)

    await works(bus_at(place, tls=trusted, token=secret(PASSWORD)))
    assert "check bus.token" in await refusal(bus_at(place, tls=trusted, token=secret(WRONG)))
    nobody = await refusal(bus_at(place, tls=trusted))
    assert "Authorization Violation" in nobody


async def test_a_password_in_the_url_comes_from_its_reference(
    start: Start, secret: Callable[[str], Secret]
) -> None:
    place = start(f'authorization {{ user: watch, password: "{PASSWORD}" }}\n')
    urls = [SecretText(f"nats://watch:${{env:TAPEWATCH_TEST_NATS}}@{place}")]

    secret(PASSWORD)
    await works(bus_at(place, urls=urls))
    secret(WRONG)
    assert "bus.urls" in await refusal(bus_at(place, urls=urls))


async def test_client_certificates(start: Start, authority: Authority) -> None:
    place = start(tls(authority, f', ca_file: "{authority.ca}", verify: true'))
    ours = Tls(ca_certificate=authority.ca, certificate=authority.certificate, key=authority.key)

    await works(bus_at(place, tls=ours))
    said = await refusal(bus_at(place, tls=Tls(ca_certificate=authority.ca)))

    assert "certificate" in said
    assert "bus.tls" in said


async def test_a_certificate_of_another_authority_is_not_trusted(
    start: Start, authority: Authority, stranger: Authority, secret: Callable[[str], Secret]
) -> None:
    place = start(f'authorization {{ token: "{PASSWORD}" }}\n' + tls(authority))

    for trusted in (Tls(ca_certificate=stranger.ca), Tls()):
        said = await refusal(bus_at(place, tls=trusted, token=secret(PASSWORD)))
        assert "its certificate is not trusted" in said
        assert "bus.tls.ca_certificate" in said
    without = await refusal(bus_at(place, scheme="tls", token=secret(PASSWORD)))
    assert "its certificate is not trusted" in without


async def test_a_certificate_of_another_host_is_not_trusted(
    start: Start, authority: Authority
) -> None:
    place = start(tls(authority)).replace("localhost", "127.0.0.1")

    said = await refusal(bus_at(place, tls=Tls(ca_certificate=authority.ca)))

    assert "its certificate is not trusted" in said
    assert "127.0.0.1" in said


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_where_tls_is_wanted_nothing_is_sent_to_a_server_that_offers_none(
    authority: Authority, secret: Callable[[str], Secret], scheme: str
) -> None:
    heard = bytearray()

    async def in_between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody who takes the offer of TLS out of the server's first line."""
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,'
                     b'"auth_required":true,"headers":true}\r\n')  # fmt: skip
        while data := await reader.read(4096):
            heard.extend(data)
        writer.close()

    server = await asyncio.start_server(in_between, "127.0.0.1", 0)
    place = f"localhost:{server.sockets[0].getsockname()[1]}"
    trusted = Tls(ca_certificate=authority.ca) if scheme == "nats" else None
    async with server:
        said = await refusal(
            bus_at(place, scheme=scheme, tls=trusted, username="w", password=secret(PASSWORD))
        )

    assert "offers no encryption" in said
    assert heard == b""


async def test_a_server_that_is_down_is_said_within_seconds() -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()

    said = await refusal(bus_at(place))

    assert place in said
    assert "check bus.urls" in said


async def test_what_is_no_nats_server_is_said_within_seconds() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    for behaviour, reason in ((silent, "no answer"), (other, "INFO")):
        server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        async with server:
            said = await refusal(bus_at(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        assert reason in said


async def test_one_server_of_several_is_enough(start: Start) -> None:
    place = start()
    urls = [SecretText("nats://127.0.0.1:1"), SecretText(f"nats://{place}")]

    await works(bus_at(place, urls=urls))


@pytest.mark.parametrize(
    "url", ["http://host:4222", "nats://", "host:4222", "nats://user:pass@host:port", "nats://[::1"]
)
async def test_what_is_no_url_of_a_nats_server_is_said(url: str) -> None:
    said = await refusal(bus_at("", urls=[SecretText(url)]))

    assert "expected nats://host:4222" in said
    assert ":pass@" not in said


async def test_a_secret_that_is_not_there_is_said() -> None:
    said = await refusal(bus_at("localhost:1", token=Secret("${env:TAPEWATCH_TEST_UNSET}")))

    assert "TAPEWATCH_TEST_UNSET is not set" in said


async def test_certificates_that_cannot_be_used_are_said(
    tmp_path: Path, authority: Authority, stranger: Authority
) -> None:
    (tmp_path / "junk.pem").write_text("junk\n")
    junk = tmp_path / "junk.pem"
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", f"pass:{PASSWORD}", "-in", authority.key,
         "-out", tmp_path / "locked.key"], check=True, capture_output=True,
    )  # fmt: skip
    for wrong, name in (
        (Tls(ca_certificate=junk), "ca_certificate"),
        (Tls(certificate=junk), "certificate or key"),
        (Tls(certificate=authority.certificate, key=stranger.key), "certificate or key"),
        (Tls(certificate=authority.certificate, key=tmp_path / "locked.key"), "passphrase"),
    ):
        said = await refusal(bus_at("localhost:1", tls=wrong))
        assert name in said


@pytest.mark.skipif(
    importlib.util.find_spec("nkeys") is not None, reason="the package nkeys is there"
)
async def test_credentials_without_the_package_they_need_are_said(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "nats.creds").write_text("x")

    said = await refusal(bus_at(start(), credentials=tmp_path / "nats.creds"))

    assert "install the Python package nkeys" in said


async def test_without_jetstream_the_error_says_so(start: Start) -> None:
    said = await refusal(bus_at(start(jetstream=False)))

    assert "not its JetStream" in said


async def test_a_server_that_takes_only_tiny_messages_is_refused(start: Start) -> None:
    said = await refusal(bus_at(start("max_payload: 4096\n")))

    assert "max_payload" in said


async def test_more_replicas_than_servers_are_said(start: Start) -> None:
    streams = Streams(raw=StreamLimits(max_size=64 * MIB, replicas=3))

    said = await refusal(bus_at(start(), streams=streams))

    assert "replicas" in said


async def test_two_deployments_with_prefixes_share_a_server_and_never_meet(start: Start) -> None:
    place = start()
    async with (
        await Bus.connect(bus_at(place, prefix="ONE"), name="one") as one,
        await Bus.connect(bus_at(place, prefix="TWO"), name="two") as two,
        await Bus.connect(bus_at(place), name="none") as none,
    ):
        for bus, count in ((one, 3), (two, 5)):
            outlet = RawOutlet(bus, SourceState("node", "evm"), buffer=MIB)
            writer = asyncio.create_task(outlet.run())
            for number in range(count):
                await outlet.send(Frame(str(number), 1, b"frame"))
                await asyncio.wait_for(outlet.flush(), 10)
            writer.cancel()

        assert [await bus.last_sequence(Stream.RAW) for bus in (one, two, none)] == [3, 5, 0]
        streams = [s.config.name or "" for s in await one.jetstream.streams_info()]
        assert sum(name.startswith("ONE") for name in streams) == len(Stream)
        assert sum(name.startswith("KV_ONE") for name in streams) == 3


async def test_streams_follow_the_limits_in_the_configuration(start: Start) -> None:
    place = start()

    async def limits(wanted: StreamLimits) -> tuple[float | None, int | None, float | None]:
        config = bus_at(place, streams=Streams(raw=wanted))
        async with await Bus.connect(config, name="test") as bus:
            found = (await bus.info(Stream.RAW)).config
            return found.max_age, found.max_bytes, found.duplicate_window

    first = StreamLimits(max_age=DAY, max_size=64 * MIB, duplicate_window=60 * SECOND)
    second = StreamLimits(max_age=2 * HOUR, max_size=32 * MIB, duplicate_window=30 * SECOND)
    # The keeper takes out what is older than max_age, and only what was taken: JetStream must not.
    assert await limits(first) == (0, 64 * MIB, 60)
    assert await limits(second) == (0, 32 * MIB, 30)


async def test_a_stream_of_somebody_else_on_our_subjects_is_said(start: Start) -> None:
    place = start()
    async with await Bus.connect(bus_at(place, prefix="X"), name="other") as other:
        taken = stream_configuration(StreamNames(""), Stream.RAW, StreamLimits(max_size=MIB))
        taken.name = "SOMEBODY"
        await other.jetstream.add_stream(taken)

    said = await refusal(bus_at(place))

    assert "overlap" in said
    assert "bus.prefix" in said


async def test_a_cancellation_is_never_swallowed_by_an_answer_of_the_server(start: Start) -> None:
    async with await Bus.connect(bus_at(start()), name="test") as bus:

        async def ask_and_stay() -> None:
            await bus.last_sequence(Stream.RAW)
            await asyncio.Event().wait()

        async def stays_after(turns: int) -> bool:
            task = asyncio.create_task(ask_and_stay())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=2)
            task.cancel()
            return not done

        # In which turn of the loop the answer comes is chance: so try them all, several times.
        for _ in range(20):
            for turns in range(60):
                assert not await stays_after(turns), turns


async def test_a_first_connection_can_be_stopped_at_any_moment(start: Start) -> None:
    config = bus_at(start())
    for hundredths in range(12):
        task = asyncio.create_task(Bus.connect(config, name="test"))
        await asyncio.sleep(hundredths / 100)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done
        if not task.cancelled():
            await task.result().close()
