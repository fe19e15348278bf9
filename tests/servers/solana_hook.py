"""Programs for a transfer hook that always say the same, as the loader of Solana takes them.

No compiler for its machine can be had from a package registry, so the ELF file is put together
here: one function that returns a number. 0 is consent, any other a refusal with that custom error.
Source: https://github.com/anza-xyz/sbpf (instruction set and ``elf.rs``).
"""

import struct

_CODE_AT = 64 + 56
_EM_BPF = 247
_MOVE_TO_R0 = 0xB7
_EXIT = 0x95
_NAMES = b"\0.text\0.shstrtab\0"


def program_that_returns(number: int) -> bytes:
    """The ELF file of a program whose result is always ``number``."""
    code = struct.pack("<BBhi", _MOVE_TO_R0, 0, 0, number) + struct.pack("<BBhi", _EXIT, 0, 0, 0)
    names_at = _CODE_AT + len(code)
    sections_at = (names_at + len(_NAMES) + 7) // 8 * 8
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH",
        *(3, _EM_BPF, 1, _CODE_AT, 64, sections_at, 0, 64, 56, 1, 64, 3, 2),
    )
    segment = struct.pack(
        "<IIQQQQQQ", *(1, 5, _CODE_AT, _CODE_AT, _CODE_AT, len(code), len(code), 0x1000)
    )
    text = struct.pack("<IIQQQQIIQQ", *(1, 1, 6, _CODE_AT, _CODE_AT, len(code), 0, 0, 8, 0))
    strings = struct.pack("<IIQQQQIIQQ", *(7, 3, 0, 0, names_at, len(_NAMES), 0, 0, 1, 0))
    body = header + segment + code + _NAMES
    return body.ljust(sections_at, b"\0") + bytes(64) + text + strings
