"""``python -m simulation.known_cases``: write ``docs/known-cases.md`` and its pictures."""

import sys
from pathlib import Path

from simulation.known_cases.report import CASES, PICTURES, page, play


def main() -> None:
    """Play and write; with `-`, print."""
    played = [play(case) for case in CASES]
    text = page(played)
    if sys.argv[1:] == ["-"]:
        print(text)
    else:
        Path("docs/known-cases.md").write_text(text)
        pictures = Path("docs") / PICTURES
        pictures.mkdir(parents=True, exist_ok=True)
        for one in played:
            (pictures / f"{one.case.name}.svg").write_text(one.picture, "utf-8")


if __name__ == "__main__":
    main()
