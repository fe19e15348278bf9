"""Step by step: what Kibana lacks or refuses is said, and the other steps go on."""

from collections.abc import Callable, Sequence

from msgspec import Struct, field

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install.change import Change, Step

#: Its saved objects, colours and custom fields are of this version.
LEAST_VERSION = (9, 1)
#: From it on the Dashboards API keeps its form, and has links.
DASHBOARDS_API_VERSION = (9, 5)

#: A conflict, and Timeline's word for one.
_LOOK_AGAIN = frozenset((405, 409))
_ATTEMPTS = 3


class UnfitKibana(Exception):
    """Nothing can be installed here. The message says why and what to do."""


class Report(Struct, kw_only=True):
    """What was found and done."""

    version: str
    dry_run: bool
    changes: list[Change] = field(default_factory=list[Change])
    left_out: list[str] = field(default_factory=list[str])
    failed: list[str] = field(default_factory=list[str])

    @property
    def pending(self) -> list[Change]:
        """What was changed, or would be."""
        return [one for one in self.changes if one.action != "unchanged"]


async def checked_version(client: KibanaClient, least: tuple[int, int] = LEAST_VERSION) -> str:
    """Kibana's version. Raises UnfitKibana, KibanaRefused and SinkUnavailable."""
    status = await client.status()
    if status.version is None:
        raise UnfitKibana("Kibana tells its version to nobody without a valid API key")
    number = status.version.number
    parts = number.split(".")
    try:
        found = (int(parts[0]), int(parts[1]))
    except (ValueError, IndexError):
        raise UnfitKibana(f"Kibana tells the version {number!r}, which is none") from None
    if found < least:
        wanted = ".".join(map(str, least))
        raise UnfitKibana(f"Kibana {number} is too old: {wanted} or newer is needed")
    if status.status.overall.level not in ("available", "degraded", ""):
        raise UnfitKibana(f"Kibana is {status.status.overall.level}: wait until it is available")
    return number


async def install(
    client: KibanaClient,
    steps: Sequence[Step],
    *,
    dry_run: bool,
    least: tuple[int, int] = LEAST_VERSION,
    on_step: Callable[[str], None] | None = None,
) -> Report:
    """Plan each step and, unless it is a dry run, make its changes.

    A space that isn't there yet has nothing in it. Raises UnfitKibana, KibanaRefused (401) and
    SinkUnavailable when Kibana can't be reached; what was changed before that stays.
    """
    report = Report(version=await checked_version(client, least), dry_run=dry_run)
    for step in steps:
        if on_step is not None:
            on_step(step.name)
        report.left_out += step.lacking
        try:
            changes = await step.plan(client)
            report.changes += changes
            if dry_run and any(one.kind == "space" and one.action == "create" for one in changes):
                report.left_out.append("the space isn't there yet: all the rest would be created")
                break
            if not dry_run:
                report.left_out += await _applied(client, step, changes)
        except KibanaRefused as refused:
            if refused.status == 401:
                raise
            if refused.status == 404:
                report.left_out.append(f"{step.name}: this Kibana has none ({refused.reason})")
            else:
                report.failed.append(f"{step.name}: {_advice(refused)}")
    return report


async def _applied(client: KibanaClient, step: Step, changes: list[Change]) -> list[str]:
    """What the step left out. What meets a change of somebody else is looked at again.

    So is what was done already by a request whose answer was lost.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        if all(one.action == "unchanged" for one in changes):
            return []
        try:
            return await step.apply(client, changes)
        except KibanaRefused as refused:
            if refused.status not in _LOOK_AGAIN or attempt == _ATTEMPTS:
                raise
            changes = await step.plan(client)
    raise AssertionError("the last attempt returns or raises")


def _advice(refused: KibanaRefused) -> str:
    if refused.status == 403:
        return (
            f"{refused.reason} (HTTP 403): the API key lacks the privilege, or the licence doesn't "
            "allow it"
        )
    return str(refused)
