"""The one file of a multipart form (RFC 7578)."""

from email.parser import BytesParser
from email.policy import HTTP

from tests.servers.loopback_http import HttpRequest


class FormError(Exception):
    """The form isn't what an import takes. `status` is that of the answer."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def form_file(request: HttpRequest) -> tuple[str, bytes]:
    """Name and content of the part `file`, which must be the only one. Raises FormError."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise FormError(415, "Unsupported Media Type")
    head = b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if len(parts) != 1 or parts[0].get_param("name", header="content-disposition") != "file":
        raise FormError(400, "[request body.file]: expected value of type [Stream]")
    content = parts[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    return parts[0].get_filename() or "", content
