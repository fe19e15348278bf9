"""An S3 server that keeps Object Lock: moto's, over HTTP, or a real one that a variable names.

TAPEWATCH_TEST_S3_URL: a server to use instead, such as versitygw, with the usual AWS_ACCESS_KEY_ID
and AWS_SECRET_ACCESS_KEY. The tests make buckets of their own there, and can't remove them: what is
locked stays.
"""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager

from msgspec import Struct

URL_VARIABLE = "TAPEWATCH_TEST_S3_URL"


class S3Server(Struct, frozen=True):
    """Where it is, and who may log in: as variables of the environment."""

    url: str
    variables: dict[str, str]


@contextmanager
def s3_server() -> Generator[S3Server]:
    """A server for as long as the block runs."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        yield S3Server(given, {name: os.environ[name] for name in names} | _QUIET)
        return
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        login = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        yield S3Server(f"http://{host}:{port}", login | _QUIET)
    finally:
        server.stop()


#: Nothing of this machine's own settings, and no asking a cloud who we are.
_QUIET = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
