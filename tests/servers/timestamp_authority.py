"""A timestamp authority of RFC 3161: OpenSSL's own, behind HTTP on a loopback port."""

import asyncio
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.servers.loopback_http import HttpRequest, HttpResponse, LoopbackHttpServer

_CONFIG = """\
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class TimestampAuthority:
    """Stamps what is posted to `url`. Use as a context manager.

    `root` is the file with the root certificate. `status` and `content_type` may be changed, and
    `answer`, which is given instead of a stamp.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("OpenSSL's command line is not installed")
        self.folder = folder
        self.root = folder / "root.pem"
        self.status = 200
        self.content_type = "application/timestamp-reply"
        self.answer: bytes | None = None
        self._server = LoopbackHttpServer(self._handle)
        _make_certificates(folder)
        (folder / "serial").write_text("01\n")
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder))

    @property
    def url(self) -> str:
        return f"{self._server.url}/tsr"

    def __enter__(self) -> "TimestampAuthority":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        asked_well = request.headers.get("content-type") == "application/timestamp-query"
        if request.method != "POST" or not asked_well:
            return HttpResponse(status=415)
        body = self.answer
        if body is None:
            body = await asyncio.to_thread(self.stamp, request.body)
        return HttpResponse(
            status=self.status, body=body, headers={"Content-Type": self.content_type}
        )

    def stamp(self, query: bytes) -> bytes:
        """What OpenSSL answers to a `TimeStampReq`."""
        asked, answered = self.folder / "asked.tsq", self.folder / "answered.tsr"
        asked.write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "openssl.cnf"]
        command += ["-queryfile", asked.name, "-out", answered.name]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return answered.read_bytes()


def _make_certificates(folder: Path) -> None:
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root of tests")])
    root = _certificate(root_name, root_name, root_key, root_key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Timestamps of tests")])
    leaf = _certificate(name, root_name, key, root_key)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "tsa.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "tsa.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.now(UTC)
    is_root = name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
    )
    if not is_root:
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(stamping, critical=True)
    return builder.sign(signer, hashes.SHA256())
