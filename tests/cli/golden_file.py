"""What a command says, held against a file; TAPEWATCH_WRITE_GOLDEN=1 writes it anew."""

import os
from pathlib import Path

_FOLDER = Path(__file__).parent / "golden"


def assert_golden(name: str, said: str) -> None:
    golden = _FOLDER / name
    if os.environ.get("TAPEWATCH_WRITE_GOLDEN"):
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
