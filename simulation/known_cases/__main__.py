"""``python -m simulation.known_cases``: play all, and write ``docs/known-cases.md``."""

import sys
from pathlib import Path

from simulation.known_cases.report import CASES, page, play


def main() -> None:
    """Play and write; with `-`, print."""
    played = [play(case) for case in CASES]
    text = page(played)
    if sys.argv[1:] == ["-"]:
        print(text)
    else:
        Path("docs/known-cases.md").write_text(text)


if __name__ == "__main__":
    main()
