"""Splunk's alert action "Tapewatch: signed webhook": each result of a search as an HTTP POST.

Splunk runs it as `tapewatch_webhook.py --execute`, with a JSON object on standard input ("Custom
alert actions: write the script"). The body is `{"source": "splunk", "search": ..., "sid": ...,
"results_link": ..., "result": {...}}`. Headers are those of Tapewatch's own webhook, so that one
receiver takes both:

- `Idempotency-Key`: the result's `event.id`, else a hash of the search's name and the result;
- `Tapewatch-Signature: t=<epoch seconds>,v1=<hex>`: HMAC-SHA-256 with the secret over `<t>.<body>`.

The secret lies in Splunk's storage of passwords, in the realm `tapewatch` under the name `webhook`.
It needs nothing but the standard library of Python 3.7.

Exit codes: 0 all were taken, 1 the configuration is wrong, 2 some were not taken, or could not be
read. Splunk ends it after its `maxtime`: before that it says what was not sent. What goes wrong is
said on standard error, which Splunk keeps in `_internal` (`sendmodalert`).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import hmac
import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

REALM = "tapewatch"
SECRET_NAME = "webhook"  # noqa: S105 the name that it is kept under
#: No more results of one run are sent; a search that finds more isn't an alert.
MOST_RESULTS = 1000
MOST_INPUT = 16 * 1024 * 1024
ATTEMPTS = 4
#: Seconds before the second attempt; doubled each time.
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
#: Seconds after which no other attempt is made; alert_actions.conf gives it ten minutes in all.
LONGEST_RUN = 9 * 60.0
#: Answers after which the same request may go through later.
TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504))


class NotConfigured(Exception):
    """The action can't work as it is set up; the text says what to do."""


class NotTaken(Exception):
    """The receiver did not take a result."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A signed body goes to the URL that was configured, and nowhere else."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        return None


def signature(secret: str, moment: int, body: bytes) -> str:
    """The value of `Tapewatch-Signature` for `body` at `moment`, in epoch seconds."""
    mac = hmac.new(secret.encode(), str(moment).encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


def results(payload: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The rows of the search, from its file of results; else the one in the payload."""
    path = payload.get("results_file")
    if not path:
        if payload.get("result"):
            yield payload["result"]
        return
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        csv.field_size_limit(MOST_INPUT)
        for number, row in enumerate(csv.DictReader(text)):
            if number >= MOST_RESULTS:
                say(f"more than {MOST_RESULTS} results: the rest are not sent")
                return
            yield {
                name: value
                for name, value in row.items()
                if name and value and not name.startswith("__mv_")
            }


def request_of(payload: dict[str, Any], result: dict[str, str], url: str) -> Any:
    """The unsigned request of one result."""
    body = json.dumps(
        {
            "source": "splunk",
            "search": payload.get("search_name"),
            "sid": payload.get("sid"),
            "results_link": payload.get("results_link"),
            "result": result,
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    same = json.dumps([payload.get("search_name"), result], sort_keys=True).encode()
    key = result.get("event.id") or ""
    # A field of several values has them line by line, which no header may.
    if not 0 < len(key) <= 255 or not all("!" <= one <= "~" for one in key):
        key = hashlib.sha256(same).hexdigest()
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310 https, see `https_url`
    request.add_header("Content-Type", "application/json")
    request.add_header("Idempotency-Key", key)
    return request


def send(opener: Any, request: Any, secret: str, timeout: float, end: float) -> None:
    """Post it, again after what is temporary; `end` is by the monotonic clock. Raises NotTaken."""
    wait = FIRST_WAIT
    for attempt in range(1, ATTEMPTS + 1):
        # Signed anew: a receiver refuses an old signature.
        request.add_header("Tapewatch-Signature", signature(secret, int(time.time()), request.data))
        trouble, retry_after = attempt_once(opener, request, timeout)
        if trouble is None:
            return
        pause = min(max(wait, retry_after), LONGEST_WAIT)
        if attempt == ATTEMPTS or time.monotonic() + pause > end:
            raise NotTaken(trouble)
        time.sleep(pause)
        wait *= 2


def attempt_once(opener: Any, request: Any, timeout: float) -> tuple[str | None, float]:
    """None, or what went wrong and how many seconds the receiver asks to wait."""
    try:
        with opener.open(request, timeout=timeout) as answer:
            answer.read(1)
            return None, 0.0
    except urllib.error.HTTPError as error:
        if error.code not in TEMPORARY:
            raise NotTaken(f"the receiver answers {error.code}") from None
        asked = error.headers.get("Retry-After", "")
        seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        return f"the receiver answers {error.code}", seconds
    except http.client.HTTPException as error:
        return f"the receiver's answer can't be read: {type(error).__name__}", 0.0
    except (OSError, urllib.error.URLError) as error:
        return f"the receiver can't be reached: {error}", 0.0


def https_url(configuration: dict[str, str]) -> str:
    """The receiver's URL. Raises NotConfigured where it isn't one of HTTPS."""
    url = (configuration.get("url") or "").strip()
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise NotConfigured("set the action's URL: https://, with no name or password in it")
    return url


def seconds_of(text: str) -> float:
    """How long to wait for an answer. Raises NotConfigured."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 60:  # also what is no number
        raise NotConfigured(f"the timeout is {text}: a number of seconds up to 60 is wanted")
    return found


def trusting(certificate: str | None) -> ssl.SSLContext:
    """A context that trusts the system's authorities, or the one in a PEM file alone."""
    if not certificate:
        return ssl.create_default_context()
    path = os.path.expandvars(certificate)
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise NotConfigured(f"the certificate {path} can't be read: {error}") from None


def stored_secret(payload: dict[str, Any]) -> str:
    """The webhook's secret out of Splunk's storage of passwords. Raises NotConfigured."""
    configuration: dict[str, str] = payload.get("configuration") or {}
    server = urlsplit(payload.get("server_uri") or "")
    if server.scheme != "https":
        raise NotConfigured("splunkd must be reached by https to read the secret")
    context = trusting(configuration.get("splunkd_ca_certificate"))
    # splunkd's certificate is for a name, and it is asked by 127.0.0.1; the authority is verified.
    context.check_hostname = False
    name = quote(f"{REALM}:{SECRET_NAME}:", safe="")
    request = urllib.request.Request(
        f"https://{server.netloc}/servicesNS/nobody/tapewatch/storage/passwords/{name}?output_mode=json"
    )
    request.add_header("Authorization", "Splunk {}".format(payload.get("session_key") or ""))
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), NoRedirects()
    )
    try:
        with opener.open(request, timeout=10) as answer:
            found = json.loads(answer.read(MOST_INPUT))
        secret = found["entry"][0]["content"]["clear_password"]
    except urllib.error.HTTPError as error:
        raise NotConfigured(
            f"no secret is stored in the realm {REALM} under the name {SECRET_NAME} "
            f"({error.code}): see the app's README"
        ) from None
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise NotConfigured(f"the secret can't be read from splunkd: {error}") from None
    if not secret:
        raise NotConfigured("the stored secret is empty")
    return str(secret)


def execute(payload: dict[str, Any]) -> int:
    """Send the results; the exit code."""
    configuration: dict[str, str] = payload.get("configuration") or {}
    try:
        url = https_url(configuration)
        timeout = seconds_of(configuration.get("timeout") or "10")
        context = trusting(configuration.get("ca_certificate"))
        secret = stored_secret(payload)
    except NotConfigured as error:
        say(f"ERROR {error}")
        return 1
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), NoRedirects()
    )
    sent = failed = unread = 0
    end = time.monotonic() + LONGEST_RUN
    try:
        for result in results(payload):
            if time.monotonic() > end:
                failed += 1
                continue
            try:
                send(opener, request_of(payload, result, url), secret, timeout, end)
                sent += 1
            except NotTaken as error:
                failed += 1
                told = result.get("event.id") or "a result"
                say(f"ERROR {told} was not taken: {error}")
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        unread = 1
        say(f"ERROR the results can't be read: {error}")
    if time.monotonic() > end:
        say(f"ERROR after {LONGEST_RUN / 60:.0f} minutes nothing more is sent")
    say(f"INFO {sent} results were sent, {failed} were not")
    return 2 if failed or unread else 0


def say(text: str) -> None:
    """A line for Splunk's log."""
    sys.stderr.write(text + "\n")


def main(arguments: list[str]) -> int:
    if arguments != ["--execute"]:
        say("FATAL Splunk runs this as an alert action, with --execute")
        return 1
    try:
        payload = json.loads(sys.stdin.read(MOST_INPUT))
    except ValueError:
        say("FATAL standard input is no JSON")
        return 1
    return execute(payload)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
