"""The events of the T-REX suite, as its npm packages have them, kept in ``suite_events.json``.

``python -m docs.generator.suite_events`` reads them anew from ``node_modules``. Whoever writes the
pages, or reads them, needs neither Node.js nor the packages; a test compares.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

PACKAGES = ("@tokenysolutions/t-rex", "@onchain-id/solidity")
_KEPT = Path(__file__).with_name("suite_events.json")
_MODULES = Path(__file__).resolve().parents[2] / "node_modules"


class SuiteEvent(Struct, frozen=True, order=True):
    """An event as the packages' ABI files have it."""

    #: As Solidity writes it, user types lowered to ABI types.
    signature: str
    #: The contracts that can be deployed and emit it, by name; abstract ones where none can.
    contracts: tuple[str, ...]


class _Parameter(Struct):
    type: str
    name: str = ""
    indexed: bool = False
    components: tuple["_Parameter", ...] = ()


class _Entry(Struct):
    type: str
    name: str = ""
    inputs: tuple[_Parameter, ...] = ()


class _Artifact(Struct):
    """A compiler's file; those beside it with other things in them have no ABI."""

    abi: tuple[_Entry, ...] = ()
    bytecode: str = "0x"


def kept() -> list[SuiteEvent]:
    """The events as they are kept."""
    return msgspec.json.decode(_KEPT.read_bytes(), type=list[SuiteEvent])


def installed(folder: Path = _MODULES) -> list[SuiteEvent]:
    """The events of the packages under a ``node_modules``.

    Raises FileNotFoundError where a package is missing.
    """
    signatures: dict[tuple[str, ...], str] = {}
    contracts: dict[tuple[str, ...], set[str]] = {}
    abstract: dict[tuple[str, ...], set[str]] = {}
    for path in sorted(_abi_files(folder)):
        artifact = msgspec.json.decode(path.read_bytes(), type=_Artifact)
        for entry in artifact.abi:
            if entry.type != "event":
                continue
            # The same event with other names of its parameters is the same event.
            shape = (entry.name, *map(_words, entry.inputs))
            signatures.setdefault(shape, _signature(entry))
            if not path.stem.endswith("Test"):
                whole = artifact.bytecode != "0x"
                (contracts if whole else abstract).setdefault(shape, set()).add(path.stem)
    return sorted(
        SuiteEvent(signature, tuple(sorted(contracts.get(shape) or abstract.get(shape, ()))))
        for shape, signature in signatures.items()
    )


def _abi_files(folder: Path) -> Iterable[Path]:
    for package in PACKAGES:
        artifacts = folder / package / "artifacts"
        if not artifacts.is_dir():
            raise FileNotFoundError(f"{package} is not in {folder}: run make setup")
        yield from artifacts.rglob("*.json")


def _words(parameter: _Parameter) -> str:
    return _type(parameter) + (" indexed" if parameter.indexed else "")


def _signature(event: _Entry) -> str:
    inputs = (f"{_words(one)} {one.name.lstrip('_')}".strip() for one in event.inputs)
    return f"{event.name}({', '.join(inputs)})"


def _type(parameter: _Parameter) -> str:
    if not parameter.type.startswith("tuple"):
        return parameter.type
    return f"({','.join(map(_type, parameter.components))}){parameter.type[len('tuple') :]}"


if __name__ == "__main__":
    text = msgspec.json.format(msgspec.json.encode(installed()), indent=1)
    _KEPT.write_bytes(text + b"\n")
    sys.stdout.write(f"written {_KEPT.name}\n")
