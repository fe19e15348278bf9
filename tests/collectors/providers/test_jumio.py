"""Jumio by its documented interface, over HTTP."""

from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.reference.jumio import JumioSource
from collectors.reference.source import Given, Rejected
from pipeline.config import reference_providers as config
from pipeline.pseudonyms import Pseudonyms
from pipeline.reference_records import Investor, Verification
from pipeline.secrets import Secret, SecretText
from tests.collectors.providers.asked import ACCOUNT, WORKFLOW, read, records
from tests.servers.providers.jumio import JumioDouble


@pytest.fixture
def jumio_source(
    jumio: JumioDouble, secret: Callable[[str], Secret], book: Pseudonyms, tmp_path: Path
) -> Callable[..., JumioSource]:
    def make(*workflows: tuple[str, str]) -> JumioSource:
        path = tmp_path / "workflows.csv"
        lines = ["account,workflow", *(",".join(one) for one in workflows)]
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        settings = config.Jumio(
            name="kyc",
            url=SecretText(jumio.url + "/api/v1"),
            token_url=SecretText(jumio.url + "/oauth2/token"),
            client_id=secret(jumio.client_id),
            client_secret=secret(jumio.client_secret),
            workflows=path,
            per_second=1000,
        )
        return JumioSource(settings, book)

    return make


async def test_jumio_tells_the_decision_on_an_account(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource], book: Pseudonyms
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    found = records(await read(jumio_source((ACCOUNT, WORKFLOW))))

    name = book.of("kyc", [ACCOUNT])[ACCOUNT]
    assert found == [
        Verification(
            provider="jumio",
            investor=name,
            status="verified",
            level="10011",
            country="DE",
            checked="2026-03-08T18:28:44.684Z",
            expires="2031-07-09",
        ),
        Investor(id=name, jurisdiction="DE"),
    ]


@pytest.mark.parametrize(
    ("decision", "status", "expected"),
    [
        ("REJECTED", "PROCESSED", "rejected"),
        ("WARNING", "PROCESSED", "pending"),
        ("NOT_EXECUTED", "PROCESSED", "pending"),
        ("PASSED", "INITIATED", "pending"),
        ("NOT_EXECUTED", "SESSION_EXPIRED", "expired"),
        ("NOT_EXECUTED", "TOKEN_EXPIRED", "expired"),
    ],
)
async def test_only_a_passed_workflow_verifies(
    jumio: JumioDouble,
    jumio_source: Callable[..., JumioSource],
    decision: str,
    status: str,
    expected: str,
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW, decision, status=status)
    found = records(await read(jumio_source((ACCOUNT, WORKFLOW))))[0]
    assert isinstance(found, Verification)
    assert found.status == expected


async def test_of_several_workflows_the_one_completed_last_counts(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    second = WORKFLOW.replace("4", "5")
    jumio.decided(ACCOUNT, second, "REJECTED", completed="2026-05-01T00:00:00.000Z")
    jumio.decided(ACCOUNT, WORKFLOW, "PASSED", completed="2026-03-01T00:00:00.000Z")
    found = records(await read(jumio_source((ACCOUNT, second), (ACCOUNT, WORKFLOW))))
    assert [one.status for one in found if isinstance(one, Verification)] == ["rejected"]


async def test_a_decided_workflow_is_asked_about_once(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    source = jumio_source((ACCOUNT, WORKFLOW))
    first = [item async for item in source.read()]
    again = await read(source)
    assert first == again
    asked = [path for _, path, _ in jumio.requests if "workflow-executions" in path]
    assert len(asked) == 1


async def test_a_workflow_that_jumio_does_not_know_is_told_by_its_line(
    jumio: JumioDouble, jumio_source: Callable[..., JumioSource]
) -> None:
    jumio.decided(ACCOUNT, WORKFLOW)
    unknown = (ACCOUNT, WORKFLOW.replace("4", "6"))
    found = await read(jumio_source(unknown, ("x", "y"), (ACCOUNT, WORKFLOW)))
    assert [item.place for item in found if isinstance(item, Rejected)] == ["line 2", "line 3"]
    assert len([item for item in found if isinstance(item, Given)]) == 2
