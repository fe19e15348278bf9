"""Contracts of ours, in `demo/contracts`, compiled by npm's solc; the compiler needs Node.js."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec

from demo.chain.artifacts import INSTALL_HINT, Artifact, NodeModulesMissing, node_modules

SOURCES = Path(__file__).resolve().parents[1] / "contracts"
_TIMEOUT_SECONDS = 120


class SolidityError(Exception):
    """The compiler refused a source. The message is the compiler's own."""


class _Output(msgspec.Struct):
    errors: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])
    contracts: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict[str, dict[str, Any]])


@cache
def compiled(*names: str) -> tuple[Artifact, ...]:
    """The contracts of these names, each from `NAME.sol`, in one run of the compiler.

    Raises NodeModulesMissing without compiler or Node.js, SolidityError for a source that is wrong.
    """
    compiler = node_modules() / "solc" / "solc.js"
    node = shutil.which("node")
    if node is None or not compiler.is_file():
        raise NodeModulesMissing(f"no Solidity compiler at {compiler}: {INSTALL_HINT}")
    request = {
        "language": "Solidity",
        "sources": {f"{name}.sol": {"content": _source(name)} for name in names},
        "settings": {
            "optimizer": {"enabled": True, "runs": 200},
            "evmVersion": "paris",
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    # To a file: of what goes to a pipe, the compiler leaves what doesn't fit into it at its end.
    with TemporaryFile() as out:
        # Our own sources, no shell.
        answer = subprocess.run(  # noqa: S603
            [node, str(compiler), "--standard-json"],
            input=msgspec.json.encode(request),
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        out.seek(0)
        text = out.read()
    try:
        output = msgspec.json.decode(text[max(0, text.find(b"{")) :], type=_Output)
    except msgspec.MsgspecError:
        raise SolidityError(answer.stderr.decode(errors="replace")[-2_000:]) from None
    wrong = [str(one.get("formattedMessage")) for one in output.errors if _is_error(one)]
    if wrong:
        raise SolidityError("\n".join(wrong))
    return tuple(_artifact(name, output.contracts[f"{name}.sol"][name]) for name in names)


def sources() -> Sequence[str]:
    """The names of all contracts."""
    return sorted(path.stem for path in SOURCES.glob("*.sol"))


def _source(name: str) -> str:
    return (SOURCES / f"{name}.sol").read_text("utf-8")


def _is_error(message: dict[str, Any]) -> bool:
    return message.get("severity") == "error"


def _artifact(name: str, contract: dict[str, Any]) -> Artifact:
    return Artifact(name, contract["abi"], "0x" + contract["evm"]["bytecode"]["object"])
