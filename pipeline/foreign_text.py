"""What a file is that should be text in UTF-8 and isn't, told by how it begins, and what to do."""

#: So much of a file's beginning is looked at.
HEAD = 8
#: UTF-8 needs no mark before it; some editors write one all the same.
UTF8_MARK = b"\xef\xbb\xbf"

_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_PACKED = {
    b"PK\x03\x04": "a ZIP archive, as spreadsheets (.xlsx) are: unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls): save it as CSV",
    b"PAR1": "a Parquet file: write it as CSV or NDJSON",
    b"\x1f\x8b": "packed by gzip: unpack it by `gunzip`",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard: unpack it by `zstd -d`",
    b"\xfd7zXZ": "packed by xz: unpack it by `xz -d`",
    b"BZh": "packed by bzip2: unpack it by `bunzip2`",
}


def encoding_of(head: bytes) -> str | None:
    """UTF-16 or UTF-32 of a text that begins so; else None."""
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    return marked or _unmarked(head)


def foreign(head: bytes) -> str:
    """What to say of a file that begins so, behind its name; empty where it may be UTF-8."""
    for begin, what in _PACKED.items():
        if head.startswith(begin):
            return f"is no text, but {what}"
    encoding = encoding_of(head)
    if encoding is None:
        return ""
    return f"is in {encoding}, not in UTF-8: convert it by `iconv -f {encoding} -t UTF-8`"


def _unmarked(head: bytes) -> str | None:
    """UTF-16 without a mark: of its first letters every second byte is zero."""
    empty = [byte == 0 for byte in head[:4]]
    if empty == [False, True, False, True]:
        return "UTF-16LE"
    return "UTF-16BE" if empty == [True, False, True, False] else None
