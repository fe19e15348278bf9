"""Problems as JUnit XML: a case for each file, which fails if it has errors."""

from collections.abc import Sequence
from xml.etree import ElementTree

from pipeline.problems import UNSHOWABLE, Problem, render, summary


def junit(files: Sequence[str], problems: Sequence[Problem], *, strict: bool) -> bytes:
    """The document. With `strict`, warnings fail as well."""
    of_file: dict[str, list[Problem]] = {name: [] for name in files}
    for problem in problems:
        of_file.setdefault(problem.location.file, []).append(problem)
    failed = sum(_fails(found, strict) for found in of_file.values())
    root = ElementTree.Element("testsuites", name="tapewatch rules check")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name="rules",
        tests=str(len(of_file)),
        failures=str(failed),
        errors="0",
    )
    for name, found in of_file.items():
        case = ElementTree.SubElement(
            suite, "testcase", classname="tapewatch.rules", name=_legal(name), file=_legal(name)
        )
        if _fails(found, strict):
            failure = ElementTree.SubElement(case, "failure", message=summary(found))
            failure.text = _legal(render(found))
        elif found:
            ElementTree.SubElement(case, "system-out").text = _legal(render(found))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _fails(problems: Sequence[Problem], strict: bool) -> bool:
    return any(strict or problem.severity == "error" for problem in problems)


def _legal(text: str) -> str:
    """Without what XML can't hold."""
    return "\n".join(UNSHOWABLE.sub("\ufffd", line) for line in text.split("\n"))
