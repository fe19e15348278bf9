"""How an approved report leaves: the interface, and the two ways that come with it.

Another way is a class with `name`, `repeatable` and `submit`. It is given the very bytes that were
approved, never a path, and must send nothing else. It returns what the receiver says, raises
NotTaken where the report was surely not taken, and InDoubt where that can't be known.
"""

import asyncio
import base64
import shutil
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from delivery.endpoint import HttpOptions
from delivery.http_poster import HttpPoster
from delivery.sink import SinkUnavailable
from evidence.reports.suspicious.fields import Form
from evidence.reports.suspicious.private_files import share, write
from pipeline.durable import sync_folder
from pipeline.page.words import printable
from pipeline.secrets import SecretText

#: Where a forwarder of one's own may listen.
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))
_TYPES = {".xml": "application/xml", ".pdf": "application/pdf", ".csv": "text/csv; charset=utf-8"}


class NotTaken(Exception):
    """The receiver surely hasn't it; the text says why."""


class InDoubt(Exception):
    """Whether the receiver has it can't be known; the text says why. A person must look."""


class Package(Struct, frozen=True, kw_only=True):
    """An approved report."""

    form: Form
    case: str
    #: Over all files, as approved.
    digest: str
    files: Mapping[str, bytes]


class Transport(Protocol):
    """A way by which a report leaves."""

    @property
    def name(self) -> str:
        """What it is called in the configuration."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether the same report submitted twice is one submission."""
        ...

    def submit(self, package: Package) -> str:
        """Submit it; what the receiver says of it. Raises NotTaken and InDoubt."""
        ...


class DropFolder:
    """A folder below the drop folder for each report, which appears whole, by one rename.

    Who is in the drop folder's group may take it from there where that lets the group in.
    """

    repeatable = True

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def submit(self, package: Package) -> str:
        """Put it there. What is there already with the same bytes is the same submission."""
        to = self._path / f"{package.case}-{package.form}-{package.digest[:16]}"
        files = dict(package.files)
        sums = [f"{sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())]
        files["SHA256SUMS"] = ("\n".join(sums) + "\n").encode()
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            if to.exists():
                return self._compared(to, files)
            made = Path(tempfile.mkdtemp(prefix=".", dir=self._path))
            try:
                for name, content in files.items():
                    write(made / name, content, as_open_as=self._path)
                share(made, self._path)
                sync_folder(made)
                made.rename(to)
                sync_folder(self._path)
            finally:
                shutil.rmtree(made, ignore_errors=True)
        except OSError as error:
            if to.exists():
                return self._compared(to, files)
            raise NotTaken(f"{self._path}: {error.strerror or error}") from None
        return to.name

    @staticmethod
    def _compared(to: Path, files: Mapping[str, bytes]) -> str:
        for name, content in files.items():
            path = to / name
            if not path.is_file() or path.read_bytes() != content:
                raise InDoubt(f"{to.name} is there already, with other files")
        return to.name


class Portal:
    """A POST of one file over HTTPS, with its digest (RFC 9530) and a key for repetitions."""

    repeatable = False

    def __init__(
        self,
        name: str,
        url: SecretText,
        options: HttpOptions,
        *,
        file: str,
        headers: Mapping[str, SecretText],
    ) -> None:
        self.name = name
        self._url = url
        self._options = options
        self._file = file
        self._headers = headers

    def submit(self, package: Package) -> str:
        """Send it. 2xx: taken. 4xx: surely not. Anything else, and no answer: in doubt."""
        content = package.files.get(self._file)
        if content is None:
            raise NotTaken(f"the report has no {self._file}: use another transport")
        return asyncio.run(self._send(package, content))

    async def _send(self, package: Package, content: bytes) -> str:
        poster = HttpPoster(
            self._url, self._options, headers=self._headers, whose=f"transport {self.name}"
        )
        try:
            await poster.open()
        except SinkUnavailable as error:
            raise NotTaken(error.reason) from None
        url = urlsplit(poster.shown)
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            await poster.close()
            raise NotTaken(f"{poster.shown}: a report that names people is sent by https only")
        hashed = base64.b64encode(sha256(content).digest()).decode()
        headers = {
            "Content-Type": _TYPES[Path(self._file).suffix],
            "Content-Digest": f"sha-256=:{hashed}:",
            "Idempotency-Key": f'"{package.digest}"',
        }
        try:
            answer = await poster.exchange("POST", content, headers)
        except SinkUnavailable as error:
            raise InDoubt(error.reason) from None
        finally:
            await poster.close()
        if answer.is_success:
            place = printable(answer.headers.get("Location", ""))[:500]
            return f"{poster.shown}: HTTP {answer.status_code}" + (f", {place}" if place else "")
        if answer.is_client_error and answer.status_code not in (408, 425, 429):
            raise NotTaken(f"{poster.shown} refused it: HTTP {answer.status_code}")
        raise InDoubt(f"{poster.shown}: HTTP {answer.status_code}")
