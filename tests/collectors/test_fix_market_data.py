"""Market data from QuickFIX: asked for, taken, and fetched anew after a break."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collectors.fix.check import check_fix
from collectors.fix.market_data import FixMarketDataCollector
from normalizer.events import market
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.config.sources import FixMarketDataSource, Reconnection
from pipeline.fix_message import fields_of, group, values_of
from pipeline.frames import FrameBatch
from pipeline.units import MILLISECOND
from tests.collectors.frames_outlet import FramesOutlet
from tests.fixtures.waiting import until
from tests.servers.fix_acceptor import CLIENT, VENUE, FixAcceptor


def config(port: int, **changes: Any) -> FixMarketDataSource:
    settings: dict[str, Any] = {
        "name": "tzero",
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "sender_comp_id": CLIENT,
        "target_comp_id": VENUE,
        "venue": "tzero",
        "symbols": ["TZROP", "ACME"],
        "reconnection": Reconnection(initial=20 * MILLISECOND, maximum=100 * MILLISECOND),
    }
    return FixMarketDataSource(**settings | changes)


@asynccontextmanager
async def collecting(outlet: FramesOutlet, source: FixMarketDataSource) -> AsyncGenerator[None]:
    task = asyncio.create_task(FixMarketDataCollector(source, outlet).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def snapshot(acceptor: FixAcceptor) -> None:
    entries = [
        [(269, "0"), (270, "10.2"), (271, "5")],
        [(269, "1"), (270, "10.3"), (271, "7")],
    ]
    acceptor.send("W", [(262, "r"), (55, "TZROP"), (268, entries)])


async def test_it_asks_for_books_sessions_and_states_and_takes_what_comes() -> None:
    outlet = FramesOutlet("fix", "tzero")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, config(acceptor.port)):
            asked = await asyncio.to_thread(acceptor.await_received, "35=V\x01")
            await asyncio.to_thread(acceptor.await_received, "35=g\x01")
            await asyncio.to_thread(acceptor.await_received, "55=ACME\x01")
            snapshot(acceptor)
            changes = [[(279, "2"), (269, "0"), (55, "TZROP"), (270, "10.2")]]
            acceptor.send("X", [(262, "r"), (268, changes)])
            acceptor.send("h", [(335, "s"), (336, "CORE"), (340, "2")])
            await until(lambda: len(outlet.frames) == 3, "what was sent")
    fields = fields_of(asked.encode())
    values = values_of(fields)
    assert (values[263], values[264], values[266], values[146]) == (b"1", b"0", b"Y", b"2")
    assert [entry[269] for entry in group(fields, 267, 269)] == [b"0", b"1", b"2"]
    assert "141=Y" in acceptor.await_received("35=A\x01")
    normalizer = Normalizer(Reference(), {"tzero": "tzero"})
    events = normalizer.normalize(1, FrameBatch("tzero", "fix", outlet.frames)).events
    assert [type(event) for event in events] == [
        market.BookSnapshot,
        market.BookUpdate,
        market.TradingStatus,
    ]


async def test_a_break_is_a_gap_and_the_books_are_asked_for_anew() -> None:
    outlet = FramesOutlet("fix", "tzero")
    with FixAcceptor() as acceptor:
        port = acceptor.port
        async with collecting(outlet, config(port)):
            await asyncio.to_thread(acceptor.await_received, "35=V\x01")
            snapshot(acceptor)
            await until(lambda: len(outlet.frames) == 1, "a snapshot")
        assert not outlet.gaps
        async with collecting(outlet, config(port)):
            await until(lambda: acceptor.logons == 2, "another session")
            snapshot(acceptor)
            await until(lambda: len(outlet.frames) == 3, "a gap, and a snapshot")
    assert [frame.kind for frame in outlet.frames] == ["message", "gap", "message"]
    positions = [frame.position for frame in outlet.frames]
    assert len(set(positions)) == 3


async def test_what_the_venue_refuses_is_shown() -> None:
    outlet = FramesOutlet("fix", "tzero")
    with FixAcceptor() as acceptor:
        async with collecting(outlet, config(acceptor.port, aggregated_book=False)):
            asked = await asyncio.to_thread(acceptor.await_received, "35=V\x01")
            assert "266=N" in asked
            acceptor.send("Y", [(262, "r"), (281, "4"), (58, "unsupported")])
            await until(lambda: "unsupported" in outlet.state.trouble, "the refusal")


async def test_tls_is_verified(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    settings = {
        "ServerCertificateFile": str(tmp_path / "cert.pem"),
        "ServerCertificateKeyFile": str(tmp_path / "key.pem"),
        "SSLProtocol": "all",
    }
    with FixAcceptor(tls=True, **settings) as acceptor:
        outlet = FramesOutlet("fix", "tzero")
        right = config(
            acceptor.port, host="localhost", tls=True, ca_certificate=tmp_path / "cert.pem"
        )
        async with collecting(outlet, right):
            await until(lambda: acceptor.logons == 1, "a session")
        assert (await check_fix(right)).level == "ok"
        wrong = config(acceptor.port, host="localhost", tls=True)
        async with collecting(FramesOutlet("fix", "tzero"), wrong):
            await asyncio.sleep(0.3)
        assert acceptor.logons == 1
        found = await check_fix(wrong)
        assert (found.level, "certificate" in found.message) == ("error", True)


async def test_doctor_warns_of_a_line_without_tls_and_of_nobody_listening() -> None:
    with FixAcceptor() as acceptor:
        source = config(acceptor.port)
        assert (await check_fix(source)).level == "warning"
    assert (await check_fix(source)).level == "error"
