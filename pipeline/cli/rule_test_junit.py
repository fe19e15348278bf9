"""How tests of rules went, as JUnit XML: what CI systems show."""

from collections.abc import Sequence
from xml.etree import ElementTree

from detections.rule_testing.model import Result
from pipeline.cli.printing import as_text
from pipeline.cli.rule_test_text import failure
from pipeline.problems import UNSHOWABLE


def junit(suites: Sequence[tuple[str, Sequence[Result], float]]) -> bytes:
    """The document. A suite has its file's name, its results and the seconds that it took."""
    root = ElementTree.Element("testsuites", name="tapewatch rules test")
    for name, results, seconds in suites:
        failed = [result for result in results if not result.passed]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=_legal(name),
            tests=str(len(results)),
            failures=str(len(failed)),
            errors="0",
            time=f"{seconds:.3f}",
        )
        for result in results:
            _case(suite, name, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _case(suite: ElementTree.Element, file: str, result: Result) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_legal(file),
        name=_legal(result.test.name),
        file=_legal(file),
        line=str(result.test.location.line),
    )
    if not result.passed:
        found = ElementTree.SubElement(case, "failure", message=_legal(first_difference(result)))
        found.text = _legal(as_text(failure(result)))


def first_difference(result: Result) -> str:
    """What failed, in a line."""
    comparison = result.comparison
    if comparison.unmet:
        one = comparison.unmet[0]
        if one.nearest is None:
            return f"expected alert {one.number} didn't come"
        return f"expected alert {one.number}: {', '.join(d.name for d in one.differences)}"
    if comparison.unexpected:
        return f"not expected: {comparison.unexpected[0].message}"
    if result.failed:
        return result.failed[0]
    return f"other alerts when the events come {result.replayed and result.replayed.replay}"


def _legal(text: str) -> str:
    """Without what XML can't hold."""
    return "\n".join(UNSHOWABLE.sub("\ufffd", line) for line in text.split("\n"))
