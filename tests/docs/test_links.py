"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

from docs.generator.markdown import anchor
from tests.docs.marked import EVERY_PAGE, ROOT

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.S | re.M)
_HEADING = re.compile(r"^#+ (.+)$", re.M)


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def _links(page: Path) -> list[str]:
    found = [first or second for first, second in _LINK.findall(_prose(page))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_local_link_resolves(page: Path) -> None:
    dead: list[str] = []
    for link in _links(page):
        path, _, wanted = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            dead.append(link)
        elif wanted and target.suffix == ".md":
            headings = {anchor(heading) for heading in _HEADING.findall(_prose(target))}
            if f"#{wanted}" not in headings:
                dead.append(link)
    assert dead == []


def test_the_pages_link_to_each_other() -> None:
    assert sum(len(_links(page)) for page in EVERY_PAGE) > 20
