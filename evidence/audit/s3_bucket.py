"""A bucket of S3 with Object Lock, by boto3 (extra `s3`): objects that nobody can change or remove.

In compliance mode no user can shorten the time or take the lock away, not even the account's root.
Source: Amazon S3 API Reference (PutObject, GetObjectRetention, ListObjectVersions) and User Guide,
"Locking objects with Object Lock". Who logs in, boto3 finds as AWS's own tools do: environment,
files, roles of the machine.
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from importlib.util import find_spec
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from pipeline.failure import CONFIGURATION, Failure

_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_TRIES = 5


class CopyFailed(Failure):
    """S3 did not take or give a copy: what, and why."""


class Version(Struct, frozen=True, kw_only=True):
    """One version of an object; a delete marker hides those before it, and removes nothing."""

    key: str
    version: str
    #: Seconds since the epoch, by the server's clock.
    modified: float
    marker: bool = False


class Retention(Struct, frozen=True, kw_only=True):
    """Until when a version can't be removed."""

    #: ``COMPLIANCE``, ``GOVERNANCE``, or empty for no lock.
    mode: str = ""
    #: Seconds since the epoch.
    until: float = 0


class _Listed(Struct):
    key: str = field(name="Key")
    version: str = field(name="VersionId")
    modified: datetime = field(name="LastModified")


class _Page(Struct):
    versions: list[_Listed] = field(name="Versions", default_factory=list[_Listed])
    markers: list[_Listed] = field(name="DeleteMarkers", default_factory=list[_Listed])


class Bucket:
    """A bucket and a prefix in it. All methods raise CopyFailed."""

    def __init__(self, name: str, prefix: str, client: Any) -> None:
        self.name = name
        self.prefix = prefix
        self._client = client

    @property
    def shown(self) -> str:
        """Its URL, which holds no secret."""
        return f"s3://{self.name}/{self.prefix}"

    def check_lock(self) -> None:
        """Whether objects can be locked in it: that is said when a bucket is made."""
        answer = self._ask("get_object_lock_configuration", missing={})
        found = answer.get("ObjectLockConfiguration", {})
        if found.get("ObjectLockEnabled") != "Enabled":
            raise CopyFailed(
                f"{self.name} has no Object Lock, so nothing in it is safe: make a bucket with it "
                "(aws s3api create-bucket --object-lock-enabled-for-bucket)",
                CONFIGURATION,
            )

    def put(self, key: str, body: bytes, *, until: datetime) -> bool:
        """Put a new object, locked until then; False where there is one of this name already."""
        answer = self._ask(
            "put_object",
            missing=None,
            Key=self.prefix + key,
            Body=body,
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(sha256(body).digest()).decode(),
            IfNoneMatch="*",
        )
        return answer is not None

    def versions(self) -> Iterator[Version]:
        """All versions and delete markers under the prefix; keys without it."""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self.name, Prefix=self.prefix
            )
            for page in pages:
                found = msgspec.convert(page, _Page, strict=False)
                for listed, marker in ((found.versions, False), (found.markers, True)):
                    for one in listed:
                        key = one.key.removeprefix(self.prefix)
                        when = one.modified.timestamp()
                        yield Version(key=key, version=one.version, modified=when, marker=marker)
        except Exception as error:
            raise self._failure("its objects can't be listed", error) from None

    def retention(self, version: Version) -> Retention:
        """How a version is locked, as far as the server shows it."""
        place = {"Key": self.prefix + version.key, "VersionId": version.version}
        answer = self._ask("head_object", missing={}, **place)
        mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
        if not mode:  # some servers say it of the newest version only
            try:
                answer = self._ask("get_object_retention", missing={}, **place)
            except CopyFailed:
                return Retention()
            found: dict[str, Any] = answer.get("Retention", {})
            mode, until = found.get("Mode"), found.get("RetainUntilDate")
        return Retention(
            mode=str(mode or ""), until=until.timestamp() if isinstance(until, datetime) else 0
        )

    def content(self, version: Version, most: int) -> bytes:
        """What a version holds, which is `most` bytes at most."""
        answer = self._ask(
            "get_object", missing=None, Key=self.prefix + version.key, VersionId=version.version
        )
        try:
            content: bytes = b"" if answer is None else answer["Body"].read(most + 1)
        except Exception as error:
            raise self._failure(f"{version.key} can't be read", error) from None
        if answer is None or len(content) > most:
            raise CopyFailed(f"{self.shown}{version.key} is gone, or too long")
        return content

    def _ask(self, operation: str, *, missing: Any, **arguments: Any) -> Any:
        """The answer; `missing` where the server says that there is no such thing, or one there."""
        from botocore.exceptions import ClientError

        try:
            return getattr(self._client, operation)(Bucket=self.name, **arguments)
        except ClientError as error:
            response: dict[str, Any] = cast(Any, error).response
            code = str(response.get("Error", {}).get("Code", ""))
            if code in _NONE:
                return missing
            raise self._failure(f"{operation} was refused", error) from None
        except Exception as error:
            raise self._failure(f"{operation} failed", error) from None

    def _failure(self, what: str, error: Exception) -> CopyFailed:
        if isinstance(error, CopyFailed):
            return error
        return CopyFailed(f"{self.shown}: {what}: {error}")


#: Codes of "there is none" and "there is one already".
_NONE = frozenset(
    {
        "ObjectLockConfigurationNotFoundError",
        "NoSuchObjectLockConfiguration",
        "NoSuchKey",
        "NoSuchVersion",
        "PreconditionFailed",
        "ConditionalRequestConflict",
    }
)


def open_bucket(url: str, *, endpoint: str | None, region: str | None) -> Bucket:
    """The bucket of ``s3://name/prefix``. Raises CopyFailed."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise CopyFailed(f"{url}: s3://BUCKET/PREFIX is wanted", CONFIGURATION)
    if find_spec("boto3") is None:
        raise CopyFailed("boto3 is not installed: pip install 'tapewatch[s3]'", CONFIGURATION)
    import boto3  # pyright: ignore[reportMissingTypeStubs]
    from botocore.config import Config

    prefix = parts.path.strip("/")
    settings = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        # A server of one's own has seldom a name for each bucket.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    try:
        client = cast(Any, boto3).client(
            "s3", endpoint_url=endpoint, region_name=region, config=settings
        )
    except Exception as error:
        raise CopyFailed(f"{url}: {error}", CONFIGURATION) from None
    return Bucket(parts.netloc, f"{prefix}/" if prefix else "", client)


def in_future(retention: Retention, now: datetime) -> bool:
    """Whether a lock holds, in the mode that nobody can take away."""
    return retention.mode == "COMPLIANCE" and retention.until > now.astimezone(UTC).timestamp()
