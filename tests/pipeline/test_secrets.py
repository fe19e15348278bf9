"""Secrets by reference, and that nothing but `reveal` gives them away."""

import base64
import copy
import os
import pickle
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from delivery.sink import SinkUnavailable
from pipeline.failure import Failure
from pipeline.findings import Finding
from pipeline.frames import DeadLetter
from pipeline.secrets import (
    EnvironmentScheme,
    FileScheme,
    Secret,
    SecretError,
    SecretResolver,
    SecretText,
    Warn,
    holds_reference,
)

VALUE = "s3cr3t-v4lue"


@pytest.fixture
def resolver() -> SecretResolver:
    environment = {"KEY": VALUE, "EMPTY": "", "OTHER_KEY": "other-value", "RAW": "\udcff"}
    return SecretResolver({"env": EnvironmentScheme(environment), "file": FileScheme()})


def test_reveal_gives_the_value_of_an_environment_variable(resolver: SecretResolver) -> None:
    assert Secret("${env:KEY}", resolver=resolver).reveal() == VALUE


def test_text_may_hold_several_references(resolver: SecretResolver) -> None:
    text = SecretText("wss://h/${env:KEY}?k=${env:OTHER_KEY}#x", resolver=resolver)
    assert text.reveal() == f"wss://h/{VALUE}?k=other-value#x"
    assert text.references == ("${env:KEY}", "${env:OTHER_KEY}")


def test_text_needs_no_reference(resolver: SecretResolver) -> None:
    text = SecretText("wss://host/ws", resolver=resolver)
    assert (text.reveal(), text.references) == ("wss://host/ws", ())


def test_two_dollars_stand_for_the_characters_themselves(resolver: SecretResolver) -> None:
    text = SecretText("a $${env:KEY} $ {} b", resolver=resolver)
    assert (text.reveal(), text.references) == ("a ${env:KEY} $ {} b", ())
    assert not holds_reference("a $${env:KEY}")
    assert holds_reference("a ${env:KEY}")


class Holder(msgspec.Struct):
    secret: Secret
    text: SecretText


def _holder(resolver: SecretResolver) -> Holder:
    return Holder(
        Secret("${env:KEY}", resolver=resolver),
        SecretText("wss://host/${env:KEY}", resolver=resolver),
    )


def test_nothing_shows_the_value(resolver: SecretResolver) -> None:
    holder = _holder(resolver)
    holder.secret.reveal()
    shown = [
        repr(holder),
        str(holder.secret),
        f"{holder.text:>40}",
        f"{holder.text!r}",
        repr([holder.secret]),
        repr(resolver),
        repr(EnvironmentScheme({"KEY": VALUE})),
    ]
    assert not any(VALUE in text for text in shown)
    assert repr(holder.text) == "SecretText('wss://host/${env:KEY}')"
    assert repr(holder.secret) == "Secret('${env:KEY}')"


def test_a_password_in_clear_in_a_url_is_not_shown() -> None:
    assert "hunter2" not in repr(SecretText("nats://user:hunter2@host"))


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps])
def test_no_encoder_takes_a_secret(encode: Any, resolver: SecretResolver) -> None:
    for value in (_holder(resolver), _holder(resolver).secret, _holder(resolver).text):
        with pytest.raises(TypeError) as caught:
            encode(value)
        assert VALUE not in str(caught.value)


def test_an_encoder_that_is_told_to_use_str_gets_the_reference(resolver: SecretResolver) -> None:
    encoded = msgspec.json.encode(_holder(resolver), enc_hook=str)
    assert encoded == b'{"secret":"${env:KEY}","text":"wss://host/${env:KEY}"}'


def test_the_resolver_cannot_be_pickled_since_it_holds_the_environment(
    resolver: SecretResolver,
) -> None:
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(resolver)


def test_copies_are_the_secret_itself(resolver: SecretResolver) -> None:
    secret = Secret("${env:KEY}", resolver=resolver)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret


def test_secrets_are_equal_by_reference(resolver: SecretResolver) -> None:
    one, same = Secret("${env:KEY}", resolver=resolver), Secret("${env:KEY}", resolver=resolver)
    assert one == same
    assert len({one, same}) == 1
    assert one != Secret("${env:OTHER_KEY}", resolver=resolver)
    assert one != "${env:KEY}"


def test_a_rotated_file_is_read_anew(tmp_path: Path, resolver: SecretResolver) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    secret = Secret("${file:token}", folder=tmp_path, resolver=resolver)
    assert secret.reveal() == "first"
    file.write_text("second\r\n")
    assert secret.reveal() == "second"


def test_only_one_newline_is_dropped_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" a\nb\n\n")
    assert Secret("${file:token}", folder=tmp_path).reveal() == " a\nb\n"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_file_that_everybody_can_read_gives_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("value")
    said: list[tuple[str, str]] = []
    warn: Warn = lambda message, advice: said.append((message, advice))  # noqa: E731
    for mode in (0o600, 0o644):
        file.chmod(mode)
        Secret("${file:token}", folder=tmp_path).reveal(warn)
    assert said == [(f"every user of this machine can read {file}", f"chmod 600 {file}")]


def _error(template: str, folder: Path, resolver: SecretResolver) -> SecretError:
    with pytest.raises(SecretError) as caught:
        SecretText(template, folder=folder, resolver=resolver).reveal()
    return caught.value


@pytest.mark.parametrize(
    ("template", "code", "message", "hint"),
    [
        ("${env:KEYS}", "unavailable", "variable KEYS is not set", "${env:KEY}"),
        ("${env:EMPTY}", "unavailable", "variable EMPTY is set but empty", None),
        ("${env:RAW}", "unavailable", "variable RAW isn't UTF-8 text", None),
        ("${env:}", "reference", "isn't the name of an environment variable", None),
        ("${env:A B}", "reference", "isn't the name of an environment variable", None),
        ("${vault:kv/x}", "unknown-scheme", 'can\'t be fetched from "vault"', None),
        ("${fil:x}", "unknown-scheme", 'can\'t be fetched from "fil"', "${file:x}"),
        ("${KEY}", "reference", "isn't complete", "${env:KEY}"),
        ("x${env:KEY", "reference", "isn't complete", None),
        ("${file:}", "reference", "path of the file is missing", None),
        ("${file:a\0b}", "reference", "isn't a path", None),
        ("${file:nowhere}", "unavailable", "No such file", None),
        ("${file:.}", "unavailable", "can't be read", None),
        ("${file:empty}", "unavailable", "it is empty", None),
        ("${file:binary}", "unavailable", "it isn't UTF-8 text", None),
        ("${file:large}", "unavailable", "it is larger than 64KiB", None),
    ],
)
def test_a_reference_that_fails_says_why(
    template: str,
    code: str,
    message: str,
    hint: str | None,
    tmp_path: Path,
    resolver: SecretResolver,
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff" + VALUE.encode())
    (tmp_path / "large").write_text("x" * 65_537)
    error = _error(template, tmp_path, resolver)
    assert error.code == f"secret/{code}"
    assert message in error.message
    assert error.hint == hint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_hold_up_the_start(tmp_path: Path, resolver: SecretResolver) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it isn't a regular file" in _error("${file:pipe}", tmp_path, resolver).message


def test_an_error_never_carries_bytes_of_the_secret(
    tmp_path: Path, resolver: SecretResolver
) -> None:
    (tmp_path / "binary").write_bytes(VALUE.encode() + b"\xff")
    error = _error("${file:binary}", tmp_path, resolver)
    assert VALUE not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("plain", [VALUE, f"{VALUE}${{env:KEY}}", f"${{env:KEY}}{VALUE}", ""])
def test_plain_text_is_no_secret_and_is_not_quoted(plain: str, resolver: SecretResolver) -> None:
    with pytest.raises(SecretError) as caught:
        Secret(plain, resolver=resolver)
    assert caught.value.code == "secret/plain-text"
    assert caught.value.expected == "a reference: ${env:NAME} or ${file:PATH}"
    assert VALUE not in str(caught.value)


def test_another_scheme_can_be_plugged_in(resolver: SecretResolver) -> None:
    class Vault:
        example = "${vault:PATH}"

        def check(self, argument: str) -> str | None:
            return None if "/" in argument else "a path has a /"

        def fetch(self, argument: str, folder: Path, warn: Warn) -> str:
            return f"vault's {argument}"

    more = resolver.with_scheme("vault", Vault())
    assert Secret("${vault:kv/token}", resolver=more).reveal() == "vault's kv/token"
    assert "${vault:PATH}" in more.examples
    with pytest.raises(SecretError, match="a path has a /"):
        Secret("${vault:token}", resolver=more)
    with pytest.raises(SecretError, match="can't be fetched"):
        Secret("${vault:kv/token}", resolver=resolver)


def test_values_that_were_fetched_can_be_masked_in_any_text(resolver: SecretResolver) -> None:
    assert resolver.mask(f"GET /{VALUE}") == f"GET /{VALUE}"
    Secret("${env:KEY}", resolver=resolver).reveal()
    assert resolver.mask(f"GET /{VALUE}") == "GET /${env:KEY}"


def test_what_a_url_or_a_login_makes_of_a_secret_is_masked_as_well() -> None:
    value = "p/ss wörd+1"
    resolver = SecretResolver({"env": EnvironmentScheme({"KEY": value})})
    resolver.fetch("${env:KEY}", Path())
    basic = base64.b64encode(f"watch:{value}".encode()).decode()
    for form in (quote(value, safe=""), quote_plus(value), value):
        assert resolver.mask(f"GET /{form} failed") == "GET /${env:KEY} failed"
    assert resolver.mask(f"authorization: Basic {basic}") == "authorization: Basic ***"
    assert resolver.mask("Basic d2F0Y2g6b3RoZXI=") == "Basic d2F0Y2g6b3RoZXI="


def test_each_line_of_a_key_is_masked_and_not_its_frame() -> None:
    value = "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIabcdef0123\n-----END PRIVATE KEY-----"
    resolver = SecretResolver({"env": EnvironmentScheme({"KEY": value})})
    resolver.fetch("${env:KEY}", Path())
    said = resolver.mask("no key: -----BEGIN PRIVATE KEY----- with MHcCAQEEIabcdef0123")
    assert said == "no key: -----BEGIN PRIVATE KEY----- with ${env:KEY}"


def test_what_a_server_repeats_stays_out_of_dead_letters_and_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIAL_KEY", "trial-key-0123456789")
    SecretText("${env:TRIAL_KEY}").reveal()
    told = "HTTP 401: you said trial-key-0123456789"
    letter = DeadLetter(
        stage="collectors",
        source="fix",
        position="1",
        received=1,
        reason=told,
        payload=b"\xff554=trial-key-0123456789",
    )
    finding = Finding(level="error", subject="sink", message=told)
    for text in (letter.reason, finding.message, str(Failure(told)), SinkUnavailable(told).reason):
        assert text == "HTTP 401: you said ${env:TRIAL_KEY}"
    assert letter.payload == b"\xff554=${env:TRIAL_KEY}"
