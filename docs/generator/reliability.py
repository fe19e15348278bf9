"""The tables of ``docs/reliability.md``, from the results that ``docs/reliability.json`` keeps.

The words of that page are written by hand; what stands between the two marks is not.
"""

from pathlib import Path

from docs.generator.markdown import code, table
from docs.generator.reliability_results import Result, read_published

FOLDER = Path(__file__).parent.parent
PAGE = FOLDER / "reliability.md"
BEGIN = "<!-- Written by `make chaos` and `make recovery`. Don't edit what follows. -->"
END = "<!-- What was written ends here. -->"


def page(written: str) -> str:
    """The page with the tables as the results are now. Raises ValueError without the marks."""
    before, begin, rest = written.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks the marks around its tables")
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


def write() -> None:
    """Write the page anew."""
    text = page(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")


def tables() -> str:
    """What the results say."""
    results = read_published()
    parts = [
        table(
            (
                "scenario",
                "what is done",
                "rounds",
                "failed",
                "faults",
                "events",
                "alerts",
                "lost",
                "doubled",
                "changed",
                "seed",
                "date",
            ),
            [_row(one) for one in results.scenarios],
        ),
        table(
            ("scenario", "faults injected", "at the longest", "alerts compared by", "versions"),
            [
                (
                    code(one.scenario),
                    ", ".join(f"{name} {count:,}" for name, count in one.faults.items()),
                    ", ".join(f"{name}: {took:.1f} s" for name, took in one.longest.items()),
                    one.compared,
                    _versions(one.versions),
                )
                for one in results.scenarios
            ],
        ),
    ]
    if results.measured:
        head = ("measured", "value", "sample", "date", "versions")
        rows = [
            (one.title, one.value, one.sample, one.date, _versions(one.versions))
            for one in results.measured
        ]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def _row(one: Result) -> tuple[str, ...]:
    doubled = f"{one.doubled:,}" + (" (may be)" if one.may_double else "")
    return (
        code(one.scenario),
        one.title,
        f"{one.rounds:,}",
        f"{len(one.failed):,}",
        f"{one.injected:,}",
        f"{one.events:,}",
        f"{one.alerts:,}",
        f"{one.lost:,}",
        doubled,
        f"{one.changed:,}",
        str(one.seed),
        one.date,
    )


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
