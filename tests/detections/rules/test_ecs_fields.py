"""The list of ECS fields is what the installed package says."""

import pytest

from detections.rules.ecs_fields import FILE, ecs_fields, meant_ecs_field
from tests.detections.rules.ecs_list import listed
from tests.servers.ecs_schema import EcsSchema


def test_the_committed_list_is_that_of_the_package(ecs_schema: EcsSchema) -> None:
    assert FILE.read_text(encoding="utf-8") == listed(ecs_schema), (
        "run: python -m tests.detections.rules.ecs_list"
    )
    assert set(ecs_fields()) == set(ecs_schema.fields)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("proces.command_line", "process.command_line"),
        ("process.commandline", "process.command_line"),
        ("process.comand_line", "process.command_line"),
        ("user.nme", "user.name"),
        ("file.hash.sha265", "file.hash.sha256"),
        ("process.command_line", None),
        ("CommandLine", None),
        ("userIdentity.type", None),
        ("winlog.event_data", None),
        ("azure.signinlogs.properties.user_agent", None),
        ("labels.anything_of_ours", None),
    ],
)
def test_what_was_probably_meant(name: str, meant: str | None) -> None:
    assert meant_ecs_field(name) == meant
