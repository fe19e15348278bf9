"""Compiled contracts, as their authors ship them in npm packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

INSTALL_HINT = "run `npm ci --ignore-scripts` in the project's folder (needs Node.js 20 or newer)"


class NodeModulesMissing(Exception):
    """A part that npm installs isn't there. The message says what, where, and how to get it."""


class Artifact(msgspec.Struct, frozen=True):
    """ABI and creation bytecode of one contract."""

    name: str = msgspec.field(name="contractName")
    abi: list[dict[str, Any]]
    bytecode: str
    """Hex with 0x; without constructor arguments, fully linked."""


def node_modules(folder: Path | None = None) -> Path:
    """The `node_modules` folder: the given one, the project's, or the nearest one upwards.

    Raises NodeModulesMissing when there is none.
    """
    if folder is not None:
        candidates = [folder]
    else:
        here = Path.cwd()
        places = [Path(__file__).resolve().parents[2], here, *here.parents]
        candidates = [place / "node_modules" for place in places]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise NodeModulesMissing(f"no node_modules folder at {candidates[0]}: {INSTALL_HINT}")


_HARDHAT_ROOTS = {
    "t-rex": "@tokenysolutions/t-rex/artifacts",
    "onchain-id": "@onchain-id/solidity/artifacts",
    "uniswap-core": "@uniswap/v3-core/artifacts",
    "uniswap-periphery": "@uniswap/v3-periphery/artifacts",
}


class Artifacts:
    """Reads artifacts from one `node_modules` folder, each file once."""

    def __init__(self, folder: Path | None = None) -> None:
        self._root = node_modules(folder)
        self._read: dict[Path, Artifact] = {}

    def trex(self, source: str) -> Artifact:
        """T-REX 4.1.6 by source path without suffix, such as `contracts/token/Token`."""
        return self._hardhat("t-rex", source)

    def onchain_id(self, source: str) -> Artifact:
        """OnchainID 2.2.1, such as `contracts/factory/IdFactory`."""
        return self._hardhat("onchain-id", source)

    def uniswap_core(self, source: str) -> Artifact:
        """Uniswap v3 core, such as `contracts/UniswapV3Factory`."""
        return self._hardhat("uniswap-core", source)

    def uniswap_periphery(self, source: str) -> Artifact:
        """Uniswap v3 periphery, such as `contracts/SwapRouter`."""
        return self._hardhat("uniswap-periphery", source)

    def openzeppelin(self, name: str) -> Artifact:
        """OpenZeppelin 3.4 (which Uniswap's periphery depends on), such as `ERC20`."""
        return self._load(Path("@openzeppelin/contracts/build/contracts") / f"{name}.json")

    def _hardhat(self, package: str, source: str) -> Artifact:
        name = source.rsplit("/", 1)[-1]
        return self._load(Path(_HARDHAT_ROOTS[package]) / f"{source}.sol" / f"{name}.json")

    def _load(self, relative: Path) -> Artifact:
        known = self._read.get(relative)
        if known is not None:
            return known
        path = self._root / relative
        try:
            artifact = msgspec.json.decode(path.read_bytes(), type=Artifact)
        except FileNotFoundError:
            raise NodeModulesMissing(f"no contract artifact at {path}: {INSTALL_HINT}") from None
        except msgspec.MsgspecError as error:
            raise NodeModulesMissing(
                f"{path} is not a contract artifact ({error}): {INSTALL_HINT}"
            ) from error
        self._read[relative] = artifact
        return artifact
