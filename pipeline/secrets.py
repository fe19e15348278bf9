"""Secrets by reference: `${env:NAME}`, `${file:PATH}`, and more schemes later.

A `Secret` or `SecretText` holds the reference, never the value. `reveal()` fetches the value each
time that it is asked, so a rotated file secret is picked up at the next connection and nothing that
shows, copies or stores the object can give the value away.
"""

import base64
import binascii
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import quote, quote_plus

from pipeline.problems import did_you_mean, one_of, shown
from pipeline.units import KIB, format_size

MOST_SECRET_BYTES = 64 * KIB
_SHORTEST_MASKED = 6

_REFERENCE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_-]*):([^{}]*)\}")
_TOKEN = re.compile(
    r"(?P<escape>\$\$\{)|(?P<reference>\$\{[A-Za-z][A-Za-z0-9_-]*:[^{}]*\})|(?P<bad>\$\{)"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BASIC = re.compile(r"([Bb]asic )([A-Za-z0-9+/]{8,4096})={0,2}")
_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)(?!\$\{)[^/@\s]+(?=@)")


class SecretError(Exception):
    """A reference is wrong or its value can't be had. No part of it ever shows a value.

    `reference` is the text of the reference, `code` one of `secret/reference` (not in the right
    form), `secret/unknown-scheme` and `secret/unavailable`.
    """

    def __init__(
        self,
        code: str,
        reference: str,
        message: str,
        *,
        expected: str | None = None,
        hint: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.code = code
        self.reference = reference
        self.message = message
        self.expected = expected
        self.hint = hint
        self.advice = advice
        super().__init__(f"{message}; {advice}" if advice else message)


Warn = Callable[[str, str], None]
"""Takes what is doubtful and what to do about it."""


class SecretScheme(Protocol):
    """One kind of reference: `${name:argument}`."""

    @property
    def example(self) -> str:
        """How a reference is written: `${env:NAME}`."""
        ...

    def check(self, argument: str) -> str | None:
        """What is wrong with the form of the argument, or None. Does no I/O."""
        ...

    def fetch(self, argument: str, folder: Path, warn: Warn) -> str:
        """The value. `folder` is the configuration file's. Raises SecretError."""
        ...


class EnvironmentScheme:
    """`${env:NAME}`: an environment variable. One that is set but empty counts as missing."""

    example = "${env:NAME}"

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def check(self, argument: str) -> str | None:
        if _VARIABLE.fullmatch(argument):
            return None
        # Not quoted: it may be the secret itself, put where its name belongs.
        return "this isn't the name of an environment variable"

    def fetch(self, argument: str, folder: Path, warn: Warn) -> str:
        value = self._environment.get(argument)
        if value and _is_text(value):
            return value
        state = "is not set" if value is None else "is set but empty"
        if value:
            state = "isn't UTF-8 text"
        hint = did_you_mean(argument, self._environment) if value is None else None
        raise SecretError(
            "secret/unavailable",
            f"${{env:{argument}}}",
            f"the environment variable {argument} {state}",
            hint=f"${{env:{hint}}}" if hint else None,
            advice=f"set it before the start: export {argument}=...",
        )

    def __repr__(self) -> str:
        return "EnvironmentScheme()"


class FileScheme:
    """`${file:PATH}`: the text of a file, relative to the configuration file's folder.

    At most 64 KiB of UTF-8; one newline at the end is dropped.
    """

    example = "${file:PATH}"

    def check(self, argument: str) -> str | None:
        if argument.strip() and "\0" not in argument:
            return None
        return "the path of the file is missing" if not argument.strip() else "this isn't a path"

    def fetch(self, argument: str, folder: Path, warn: Warn) -> str:
        reference = f"${{file:{argument}}}"
        path = folder / argument.strip()
        try:
            mode, data = _read_regular_file(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise self._unavailable(reference, path, why or "unknown reason") from None
        if len(data) > MOST_SECRET_BYTES:
            why = f"it is larger than {format_size(MOST_SECRET_BYTES)}"
            raise self._unavailable(reference, path, why)
        try:
            value = data.decode()
        except UnicodeDecodeError:
            # The original exception carries the bytes.
            raise self._unavailable(reference, path, "it isn't UTF-8 text") from None
        value = value.removesuffix("\n").removesuffix("\r")
        if not value:
            raise self._unavailable(reference, path, "it is empty")
        if os.name == "posix" and mode & stat.S_IROTH:
            warn(f"every user of this machine can read {path}", f"chmod 600 {path}")
        return value

    def _unavailable(self, reference: str, path: Path, why: str) -> SecretError:
        return SecretError(
            "secret/unavailable",
            reference,
            f"the secret can't be read from {path}: {why}",
            advice="put the secret, and nothing else, into that file",
        )


class SecretResolver:
    """Knows the schemes, and masks in any text the values that it has fetched."""

    def __init__(self, schemes: Mapping[str, SecretScheme]) -> None:
        self._schemes = dict(schemes)
        self._seen: dict[str, str] = {}

    @property
    def examples(self) -> list[str]:
        """How references are written: `${env:NAME}`, `${file:PATH}`."""
        return [scheme.example for scheme in self._schemes.values()]

    def with_scheme(self, name: str, scheme: SecretScheme) -> "SecretResolver":
        """A resolver that knows one scheme more: `with_scheme("vault", Vault(...))`."""
        return SecretResolver({**self._schemes, name: scheme})

    def check(self, reference: str) -> None:
        """Raises SecretError if the reference's form or scheme is wrong. Does no I/O."""
        self._scheme(reference)

    def fetch(self, reference: str, folder: Path, warn: Warn | None = None) -> str:
        """The value of `${scheme:argument}`. Raises SecretError."""
        scheme, argument = self._scheme(reference)
        value = scheme.fetch(argument, folder, warn or _ignore)
        if len(value) >= _SHORTEST_MASKED:
            for form in (value, *_as_quoted(value)):
                self._seen[form] = reference
        return value

    def mask(self, text: str) -> str:
        """`text` with every value that was fetched so far replaced by its reference.

        For log lines and messages of libraries that quote a URL or header, and for what a server
        says, which may repeat all that it was sent. So is what a URL or basic authentication makes
        of a value. Values shorter than six characters are left, since they would mask ordinary
        words.
        """
        # A copy first: another thread may reveal a secret meanwhile.
        seen = self._seen.copy()
        for value in sorted(seen, key=len, reverse=True):
            text = text.replace(value, seen[value])
        return _BASIC.sub(lambda found: _basic_without(found, seen), text) if seen else text

    def _scheme(self, reference: str) -> tuple[SecretScheme, str]:
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise self._malformed(reference)
        name, argument = found.groups()
        scheme = self._schemes.get(name)
        if scheme is None:
            hint = did_you_mean(name, self._schemes)
            raise SecretError(
                "secret/unknown-scheme",
                reference,
                f"secrets can't be fetched from {shown(name)}",
                expected=one_of(self.examples),
                hint=f"${{{hint}:{argument}}}" if hint else None,
            )
        if (wrong := scheme.check(argument)) is not None:
            raise SecretError(
                "secret/reference", reference, wrong, expected=f"the form {scheme.example}"
            )
        return scheme, argument

    def _malformed(self, text: str) -> SecretError:
        # Only the beginning is quoted: what follows an unclosed brace may be a secret.
        name = re.match(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text)
        return SecretError(
            "secret/reference",
            "${",
            "this reference to a secret isn't complete",
            expected=one_of(self.examples),
            hint=f"${{env:{name[1]}}}" if name else None,
            advice=None if name else 'write "$${" for the characters ${ themselves',
        )

    def __repr__(self) -> str:
        return f"SecretResolver({', '.join(self._schemes)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretResolver can't be pickled: load the configuration again instead")


DEFAULT_RESOLVER = SecretResolver({"env": EnvironmentScheme(), "file": FileScheme()})


def without_secrets(text: str) -> str:
    """`text` without the values of all secrets that this process has fetched."""
    return DEFAULT_RESOLVER.mask(text)


class SecretText:
    """Text with references to secrets in it: `wss://host/${env:KEY}`. Immutable.

    Whatever shows it, shows the references: `repr`, `str`, format, rich, structlog. It can't be
    pickled, and msgspec refuses to encode it. `$${` stands for `${` itself.
    """

    __slots__ = ("_folder", "_parts", "_resolver", "_template")

    def __init__(
        self,
        template: str,
        *,
        folder: Path | None = None,
        resolver: SecretResolver = DEFAULT_RESOLVER,
    ) -> None:
        """`folder` is where relative `${file:...}` paths start. Raises SecretError."""
        self._template = template
        self._folder = folder if folder is not None else Path()
        self._resolver = resolver
        self._parts = _split(template, resolver)

    @property
    def references(self) -> tuple[str, ...]:
        """The references in it, as written."""
        return tuple(text for text, is_reference in self._parts if is_reference)

    def reveal(self, warn: Warn | None = None) -> str:
        """The text with the secrets in their places, fetched now. Raises SecretError.

        Keep it no longer than the call that needs it.
        """
        return "".join(
            self._resolver.fetch(text, self._folder, warn) if is_reference else text
            for text, is_reference in self._parts
        )

    def __str__(self) -> str:
        return _PASSWORD_IN_URL.sub(r"\1***", self._template)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretText):
            return NotImplemented
        return (self._template, self._folder) == (other._template, other._folder)

    def __hash__(self) -> int:
        return hash((self._template, self._folder))

    def __copy__(self) -> "SecretText":
        return self

    def __deepcopy__(self, memo: object) -> "SecretText":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret can't be pickled: load the configuration again instead")


class Secret(SecretText):
    """A secret: exactly one reference, `${env:NAME}`. Plain text is refused."""

    __slots__ = ()

    def __init__(
        self,
        template: str,
        *,
        folder: Path | None = None,
        resolver: SecretResolver = DEFAULT_RESOLVER,
    ) -> None:
        """Raises SecretError, which doesn't show the text: it may be the secret itself."""
        if template.startswith("${") and template.endswith("}"):
            super().__init__(template, folder=folder, resolver=resolver)
            if len(self._parts) == 1:
                return
        raise SecretError(
            "secret/plain-text",
            "",
            "a secret can't stand in a file",
            expected=f"a reference: {one_of(resolver.examples)}",
            advice="if this is a real secret, take it as exposed and have it replaced",
        )


def _as_quoted(value: str) -> Iterator[str]:
    """How a value is written in a URL, and where a library shows it with escapes."""
    first, *more = value.splitlines() or [value]
    for form in (quote(value, safe=""), quote(value), quote_plus(value), repr(value)[1:-1]):
        if form != value:
            yield form
    if more and len(first) >= _SHORTEST_MASKED:
        yield from (line for line in (first, *more) if _tells_something(line))


def _tells_something(line: str) -> bool:
    # Not the frame of a PEM file, which would mask its own name in every message.
    return len(line) >= _SHORTEST_MASKED and not line.startswith("-----")


def _basic_without(found: re.Match[str], seen: Mapping[str, str]) -> str:
    try:
        text = base64.b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    return f"{found[1]}***" if any(value in text for value in seen) else found[0]


def holds_reference(text: str) -> bool:
    """Whether there is a `${scheme:...}` in it that isn't escaped."""
    return "${" in text and any(found["reference"] for found in _TOKEN.finditer(text))


def password_in_url(text: str) -> bool:
    """Whether it is a URL with a plain password: `nats://user:password@host`."""
    return _PASSWORD_IN_URL.search(text) is not None


def _split(template: str, resolver: SecretResolver) -> tuple[tuple[str, bool], ...]:
    parts: list[tuple[str, bool]] = []
    end = 0
    for found in _TOKEN.finditer(template):
        text = template[end : found.start()] + ("${" if found["escape"] else "")
        if text:
            parts.append((text, False))
        if found["bad"]:
            resolver.check(template[found.start() :])
        if found["reference"]:
            resolver.check(found["reference"])
            parts.append((found["reference"], True))
        end = found.end()
    if end < len(template):
        parts.append((template[end:], False))
    return tuple(parts)


def _is_text(value: str) -> bool:
    # Python smuggles bytes that aren't UTF-8 in as surrogates; a later encode would fail with an
    # exception that carries the value.
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _read_regular_file(path: Path) -> tuple[int, bytes]:
    # Without O_NONBLOCK a named pipe would hold up the start for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it isn't a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return mode, file.read(MOST_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)


def _ignore(message: str, advice: str) -> None:
    """A warning that was said when the configuration was loaded."""
