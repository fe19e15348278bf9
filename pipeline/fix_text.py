"""Text in fields of FIX: in which encoding it is. Pure.

FIX is ASCII, but for the fields `Encoded...`, whose encoding MessageEncoding (347) names. Venues
write accounts and texts of theirs in it, or in UTF-8, without either.
"""

from collections.abc import Mapping

_TEXT, _ENCODED_TEXT, _MESSAGE_ENCODING = 58, 355, 347
#: What MessageEncoding may say, in capitals, and what Python calls it.
_ENCODINGS: Mapping[bytes, str] = {
    b"UTF-8": "utf-8",
    b"UTF8": "utf-8",
    b"ISO-2022-JP": "iso2022_jp",
    b"EUC-JP": "euc_jp",
    b"SHIFT_JIS": "shift_jis",
    b"ISO-8859-1": "latin-1",
}
_ESCAPE = b"\x1b"


def text_in(values: Mapping[int, bytes], tag: int) -> str:
    """The text of a field; empty where there is none."""
    value = values.get(tag, b"")
    return text_of(value, values.get(_MESSAGE_ENCODING)) if value else ""


def text_of(value: bytes, encoding: bytes | None = None) -> str:
    """In the encoding that the message names; else in UTF-8, if it is that; else in ISO 8859-1.

    It never fails: bytes that aren't of the encoding that is named are taken as if none were.
    """
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")  # as nearly all is
    named = _ENCODINGS.get(encoding.upper()) if encoding else None
    for one in (named, "utf-8"):
        try:
            if one is not None:
                return value.decode(one)
        except UnicodeDecodeError:
            pass
    return value.decode("latin-1")


def free_text(values: Mapping[int, bytes]) -> str:
    """What a message says in words: EncodedText (355) where its encoding is named, or Text (58)."""
    encoded = values.get(_MESSAGE_ENCODING) and text_in(values, _ENCODED_TEXT)
    return encoded or text_in(values, _TEXT)
