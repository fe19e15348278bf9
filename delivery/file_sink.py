"""The file sink: nested ECS documents as NDJSON, one folder per content.

A document is written once: the ids of the last `REMEMBERED` documents are kept, and read back from
the newest files at the start, so what the bus delivers again after a crash is recognised. An event
whose block left the chain and came back is written again: of two copies the later one counts, and
of an event and a later `chain-reorganised` the latter. Updates of alerts are lines of their own.
"""

import asyncio
import os
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Literal

import structlog

from delivery.file_folder import FOLDER_MODE, NdjsonFolder, Rotation, free_bytes
from delivery.seen_documents import SeenDocuments, parts
from delivery.sink import Content, Delivered, Document, SinkUnavailable
from pipeline.findings import Finding
from pipeline.units import GIB, about_size

#: Far more than can be between a delivery and its acknowledgement: a batch is at most 50,000.
REMEMBERED = 200_000
#: `doctor` warns below it.
LITTLE_SPACE = 2 * GIB

_log = structlog.get_logger(__name__)


class FileSink:
    """Writes below `path`: `events/` and `alerts/`, rotated by size (bytes) and age (nanoseconds).

    With `sync` "always" a document is on the disk when `deliver` returns. A full disk, missing
    rights or another process in the folder raise SinkUnavailable.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        rotate_size: int,
        rotate_after: int,
        sync: Literal["always", "never"] = "always",
        contents: Sequence[Content] = ("alerts", "events"),
        remembered: int = REMEMBERED,
    ) -> None:
        self.name = name
        self._path = path
        self._remembered = remembered
        self._streams = {
            content: _ContentFiles(
                NdjsonFolder(path / content, Rotation(size=rotate_size, age=rotate_after), sync),
                SeenDocuments(remembered),
            )
            for content in contents
        }

    async def open(self) -> None:
        """Lock the folders and recover them after a crash."""
        for stream in self._streams.values():
            async with stream.lock:
                await self._recover(stream)

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Write the documents that were not written yet; one content's batches one by one."""
        total = Delivered()
        for content, stream in self._streams.items():
            documents = [d for d in batch if d.content == content]
            if documents:
                async with stream.lock:
                    part = await self._write(stream, documents)
                total = Delivered(
                    written=total.written + part.written, already=total.already + part.already
                )
        skipped = len(batch) - total.written - total.already
        return Delivered(written=total.written, already=total.already, skipped=skipped)

    async def close(self) -> None:
        """Close the files and unlock the folders."""
        for stream in self._streams.values():
            async with stream.lock:
                await asyncio.to_thread(stream.folder.close)

    async def check(self) -> list[Finding]:
        """Whether the folder can be written and how much space is left."""
        return await asyncio.to_thread(_check_folder, f"sink {self.name}", self._path)

    async def _write(self, stream: "_ContentFiles", documents: Sequence[Document]) -> Delivered:
        if not stream.folder.is_open:
            await self._recover(stream)
        written = 0
        for part in parts(documents):
            new = stream.seen.unseen(part)
            if new:
                try:
                    await _to_the_end(stream.append(new))
                except OSError as error:
                    raise self._unavailable(stream, error) from error
                written += len(new)
        return Delivered(written=written, already=len(documents) - written)

    async def _recover(self, stream: "_ContentFiles") -> None:
        if stream.folder.is_open:
            return
        try:
            recovered = await asyncio.to_thread(stream.folder.open, self._remembered)
        except OSError as error:
            raise self._unavailable(stream, error) from error
        stream.seen.clear()
        for line in recovered.lines:
            stream.seen.add_id(line.id)
            if line.orphaned is not None:
                stream.seen.orphan(line.orphaned)
        if recovered.torn is not None:
            _log.warning(
                "the end of a file was torn and moved aside; its documents come again",
                sink=self.name,
                path=str(recovered.torn),
            )

    def _unavailable(self, stream: "_ContentFiles", error: OSError) -> SinkUnavailable:
        path = stream.folder.path
        if isinstance(error, BlockingIOError):
            return SinkUnavailable(
                f"another process writes to {path}; stop it or give this sink a path of its own"
            )
        return SinkUnavailable(f"can't write to {path}: {error.strerror or error}")


class _ContentFiles:
    def __init__(self, folder: NdjsonFolder, seen: SeenDocuments) -> None:
        self.folder = folder
        self.seen = seen
        self.lock = asyncio.Lock()

    async def append(self, documents: Sequence[Document]) -> None:
        await asyncio.to_thread(self.folder.append, [document.body for document in documents])
        self.seen.add(documents)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`, and let it finish also when the task is cancelled meanwhile.

    A thread can't be stopped: left behind, two writes could meet in one file, and what it wrote
    would not be remembered.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _check_folder(subject: str, path: Path) -> list[Finding]:
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"\n")
            probe.flush()
            os.fsync(probe.fileno())
        free = free_bytes(path)
    except OSError as error:
        return [
            Finding(
                level="error",
                subject=subject,
                message=f"can't write to {path}: {error.strerror or error}",
                advice="give the user that runs Tapewatch the right to write there, or set `path`",
            )
        ]
    free_text = f"{about_size(free)} free"
    if free < LITTLE_SPACE:
        return [
            Finding(
                level="warning",
                subject=subject,
                message=f"{path} is writable, but has only {free_text}",
                advice="make space, or set `path` to a larger disk",
            )
        ]
    return [Finding(level="ok", subject=subject, message=f"{path} is writable, {free_text}")]
