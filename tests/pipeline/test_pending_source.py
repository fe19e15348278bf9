"""The second source that pending transactions are, which nobody writes down."""

from pathlib import Path

import pytest

from pipeline.config.loading import load_configuration
from pipeline.problems import ProblemsFound

BUS = "bus: {type: embedded, path: nats}\ndetections: {rules: [.]}\nsinks: []\n"


def evm(name: str, pending: str = "true") -> str:
    return (
        f"  - {{name: {name}, type: evm, network: n, endpoints: ['ws://127.0.0.1:1'], "
        f"pending: {pending}}}\n"
    )


def load(tmp_path: Path, *sources: str) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(BUS + "sources:\n" + "".join(sources))
    load_configuration(file)


@pytest.mark.parametrize("names", [("chain", "chain-pending"), ("chain-pending", "chain")])
def test_its_name_is_taken(tmp_path: Path, names: tuple[str, str]) -> None:
    first, second = names
    sources = [evm(name, "true" if name == "chain" else "false") for name in (first, second)]
    with pytest.raises(ProblemsFound, match="the name chain-pending is given twice"):
        load(tmp_path, *sources)


def test_without_pending_transactions_it_is_free(tmp_path: Path) -> None:
    load(tmp_path, evm("chain", "false"), evm("chain-pending"))
