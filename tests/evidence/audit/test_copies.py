"""Copies of the audit log in S3 with Object Lock: there, locked, equal, and held against forks."""

import re
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3  # pyright: ignore[reportMissingTypeStubs]
import pytest
from botocore.exceptions import ClientError

from evidence.audit.copies import Copied, Copies, check, copy, restore
from evidence.audit.folder import AuditFolder
from evidence.audit.notes import SigningKey
from evidence.audit.s3_bucket import Bucket, CopyFailed, open_bucket
from evidence.audit.store import AuditLog
from evidence.audit.verify import verify
from tests.cli.command_line import Answer, tapewatch
from tests.evidence.audit.test_log import KEY, happening
from tests.servers.object_lock import S3Server, s3_server

NOW = datetime.now(UTC)
UNTIL = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def client(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return cast(Any, boto3).client("s3", endpoint_url=server.url)


@pytest.fixture
def bucket(server: S3Server, client: Any) -> Bucket:
    name = f"audit-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return open_bucket(f"s3://{name}/logs/one", endpoint=server.url, region="us-east-1")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog(tmp_path / "audit", KEY, sync=False) as opened:
        grow(opened, 25)
        yield opened


def grow(log: AuditLog, count: int, **more: object) -> None:
    log.append([happening(log.size + n, **more) for n in range(count)])
    log.sign()


def copied(log: AuditLog, bucket: Bucket) -> Copied:
    return copy(log.folder, KEY.verifying, bucket, until=UNTIL)


def checked(folder: AuditFolder, bucket: Bucket) -> Copies:
    return check(folder, KEY.verifying, bucket, NOW)


def kinds(found: Copies) -> list[tuple[str, str]]:
    return [(one.kind, one.key) for one in found.problems]


def test_what_was_signed_is_copied_once_locked_and_equal(log: AuditLog, bucket: Bucket) -> None:
    bucket.check_lock()
    assert copied(log, bucket) == Copied(first=0, end=26, objects=3)
    assert copied(log, bucket) == Copied(first=26, end=26, objects=0)
    grow(log, 10)
    assert copied(log, bucket) == Copied(first=26, end=36, objects=2)
    grow(log, 5)  # not copied yet, which is no fault of the copies
    found = checked(log.folder, bucket)
    assert found.problems == []
    assert (found.objects, found.entries) == (5, 36)
    assert found.locked_until == pytest.approx(UNTIL.timestamp(), abs=1)
    assert [one.size for one, _ in found.checkpoints] == [26, 36]
    assert verify(log.folder, KEY.verifying, anchored=found.checkpoints).good


def test_nobody_removes_or_unlocks_a_copy(log: AuditLog, bucket: Bucket, client: Any) -> None:
    copied(log, bucket)
    for one in list(bucket.versions()):
        place = {"Bucket": bucket.name, "Key": bucket.prefix + one.key, "VersionId": one.version}
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(**place)
    assert checked(log.folder, bucket).problems == []


def test_what_is_put_over_a_copy_or_hides_it_is_told_and_the_copy_is_there(
    log: AuditLog, bucket: Bucket, client: Any
) -> None:
    copied(log, bucket)
    entries = "entries/000000000000-000000000026.ndjson"
    client.delete_object(Bucket=bucket.name, Key=bucket.prefix + entries)
    client.put_object(Bucket=bucket.name, Key=f"{bucket.prefix}key", Body=b"forged")
    client.put_object(Bucket=bucket.name, Key=f"{bucket.prefix}note.txt", Body=b"who was here")
    found = checked(log.folder, bucket)
    assert sorted(kinds(found)) == [
        ("again", "key"), ("hidden", entries), ("strange", "note.txt"), ("unlocked", "note.txt"),
    ]  # fmt: skip
    assert found.entries == 26


def test_a_change_of_the_log_is_located_by_the_copies(log: AuditLog, bucket: Bucket) -> None:
    copied(log, bucket)
    grow(log, 10)
    copied(log, bucket)
    ((_, path),) = log.folder.segments()
    intact = path.read_bytes().splitlines(keepends=True)
    for number in (0, 25, 26, 35):
        lines = list(intact)
        lines[number] = re.sub(rb'"who":"[^"]*"', b'"who":"nobody"', lines[number])
        path.write_bytes(b"".join(lines))
        (problem,) = checked(log.folder, bucket).problems
        assert (problem.kind, problem.message) == (
            "differs",
            f"entry {number} is another one in the log",
        )
    path.write_bytes(b"".join(intact[:30]))
    (problem,) = checked(log.folder, bucket).problems
    assert problem.message == "entry 30 and what follows is not in the log"


def test_a_log_that_its_owner_wrote_anew_is_a_fork_and_gets_no_copies(
    log: AuditLog, bucket: Bucket, tmp_path: Path
) -> None:
    copied(log, bucket)
    with AuditLog(tmp_path / "other", KEY, sync=False) as other:
        grow(other, 25, who="somebody else")
        found = checked(other.folder, bucket)
        assert ("differs", "entries/000000000000-000000000026.ndjson") in kinds(found)
        verdict = verify(other.folder, KEY.verifying, anchored=found.checkpoints)
        assert {one.kind for one in verdict.problems} == {"forked"}
        with pytest.raises(CopyFailed, match="differs within the first 26 entries"):
            copied(other, bucket)
    short = AuditLog(tmp_path / "short", KEY, sync=False)
    short.close()
    with pytest.raises(CopyFailed, match="verify it"):
        copied(short, bucket)
    key = SigningKey.new("example.com/another")
    with AuditLog(tmp_path / "another", key, sync=False) as another:
        grow(another, 30)
        with pytest.raises(CopyFailed, match="copies of another log"):
            copy(another.folder, key.verifying, bucket, until=UNTIL)


def test_what_somebody_else_put_there_is_taken_for_no_copy(
    log: AuditLog, bucket: Bucket, client: Any
) -> None:
    copied(log, bucket)
    grow(log, 10)
    size = log.size
    junk = bucket.prefix + f"entries/000000000000-{size + 100:012}.ndjson"
    client.put_object(Bucket=bucket.name, Key=junk, Body=b"junk\n")
    assert copied(log, bucket) == Copied(first=26, end=size, objects=2)
    found = checked(log.folder, bucket)
    assert {one.key for one in found.problems} == {junk.removeprefix(bucket.prefix)}


def test_what_stands_in_the_way_of_a_copy_is_told(
    log: AuditLog, bucket: Bucket, client: Any
) -> None:
    name = bucket.prefix + f"entries/000000000000-{log.size:012}.ndjson"
    client.put_object(Bucket=bucket.name, Key=name, Body=b"junk\n")
    with pytest.raises(CopyFailed, match="is there already, and is not of this log"):
        copied(log, bucket)


def test_a_copy_that_was_broken_off_goes_on(
    log: AuditLog, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the entries and the checkpoint that signs them."""
    put = Bucket.put

    def killed(self: Bucket, key: str, body: bytes, *, until: datetime) -> bool:
        if not key.startswith("entries/"):
            raise KeyboardInterrupt
        return put(self, key, body, until=until)

    with monkeypatch.context() as patched:
        patched.setattr(Bucket, "put", killed)
        with pytest.raises(KeyboardInterrupt):
            copied(log, bucket)
    assert copied(log, bucket) == Copied(first=0, end=26, objects=2)
    assert checked(log.folder, bucket).problems == []


def test_a_copy_whose_lock_has_ended_is_told(log: AuditLog, bucket: Bucket) -> None:
    copied(log, bucket)
    found = check(log.folder, KEY.verifying, bucket, UNTIL + timedelta(seconds=5))
    assert {kind for kind, _ in kinds(found)} == {"unlocked"}
    assert len(found.problems) == 3


def test_a_lost_folder_is_restored_and_verified(
    log: AuditLog, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.audit.copies.OBJECT_BYTES", 700)  # some six entries each
    copied(log, bucket)
    grow(log, 10)
    assert copied(log, bucket).objects > 2
    assert checked(log.folder, bucket).problems == []
    for name, content in restore(bucket, KEY.verifying):
        path = tmp_path / "again" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    again = AuditFolder(tmp_path / "again")
    assert b"".join(again.lines()) == b"".join(log.folder.lines())
    verdict = verify(again, KEY.verifying)
    assert verdict.good
    assert (verdict.entries, verdict.signed) == (36, 36)


def test_a_bucket_without_locks_and_one_that_is_not_there(
    server: S3Server, client: Any, log: AuditLog
) -> None:
    name = f"plain-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    with pytest.raises(CopyFailed, match="has no Object Lock"):
        open_bucket(f"s3://{name}", endpoint=server.url, region=None).check_lock()
    gone = open_bucket("s3://not-there-at-all/x", endpoint=server.url, region=None)
    with pytest.raises(CopyFailed, match="NoSuchBucket"):
        gone.check_lock()
    with pytest.raises(CopyFailed, match="s3://BUCKET/PREFIX is wanted"):
        open_bucket("https://example.com/x", endpoint=None, region=None)


@pytest.mark.usefixtures("client")
def test_the_commands(log: AuditLog, bucket: Bucket, server: S3Server, tmp_path: Path) -> None:
    log.close()
    where, key = bucket.shown, str(KEY.verifying)

    def run(*arguments: str) -> Answer:
        asked = ("audit", *arguments, "--endpoint", server.url)
        return tapewatch(*asked, folder=tmp_path)

    said = run("copy", "audit", "--to", where, "--keep", "7y", "--why", "daily")
    assert said.code == 0, said
    assert said.out.startswith(f"26 entries copied to {where}, 26 in all, locked until 20")
    assert run("restore", "--from", where, "--to", "again", "--key", key).code == 0
    assert verify(AuditFolder(tmp_path / "again"), KEY.verifying).good
    shutil.rmtree(tmp_path / "audit" / "nodes")
    ((_, path),) = AuditFolder(tmp_path / "audit").segments()
    path.write_bytes(path.read_bytes().replace(b"detections", b"nobody-who", 1))
    said = run("copies", "audit", "--in", where)
    assert said.code == 1
    assert "differs: entries/" in said.out
    assert "forked: " in said.out
    assert "NOT as it was copied" in said.out
