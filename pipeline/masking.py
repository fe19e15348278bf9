"""Hiding what looks like a secret in text that will be shown, whatever field it stands in.

The last line of defence: fields that hold secrets are known by their type and masked wholly.
"""

import re

Span = tuple[int, int]
"""Start and end of a part of a text, counted from 0, the end not included."""

_NAME = (
    "(?:password|passwd|passphrase|secret|credential|authorization"
    "|(?:api|private|access|signing)[_-]?key"
    "|(?:auth|api|access|bearer|hec|bot|refresh|session)[_-]?token)"
)
# A value goes on to the next key of a group in braces, to a comment or to the end of the line:
# rather hide too much than the half of a password.
_VALUE_END = (
    r"""(?=,\s{0,20}["']?[\w-]{1,64}["']?\s{0,20}:|\s#"""
    r"""|["']?\s{0,20}[}\]]{0,20}\s{0,20}$)"""
)
_LOOKS_SECRET = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        _NAME
        + r"""[\w-]{0,40}["']?\s{0,20}[:=]\s{0,20}["']?(?!\$\{)([^\s"'].{0,1000}?)"""
        + _VALUE_END,
        r"://[^/\s:@]{0,200}:(?!\$\{)([^/@\s]{1,500})@",
        r"[?&](?:api_?key|key|token|secret)=(?!\$\{)([^\s\"'#&,}]{1,500})",
    )
)


def secret_spans(text: str) -> list[Span]:
    """The parts of `text` that look like a secret: after `password:`, in a URL, and so on."""
    return [found.span(1) for pattern in _LOOKS_SECRET for found in pattern.finditer(text)]


def masked(text: str) -> str:
    """`text` with `***` for each part that looks like a secret."""
    for start, end in disjoint(secret_spans(text)):
        text = f"{text[:start]}***{text[end:]}"
    return text


def disjoint(spans: list[Span]) -> list[Span]:
    """The union of the spans, from the right to the left."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined[::-1]
