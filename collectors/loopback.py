"""Whether an address is on this machine."""

from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """True for ``localhost``, ``127.x.x.x`` and ``::1``. False for what is no URL."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("localhost", "::1") or host.startswith("127.")
