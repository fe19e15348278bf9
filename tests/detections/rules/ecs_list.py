"""Writes the list of ECS fields that rules are checked against, from the package @elastic/ecs.

`python -m tests.detections.rules.ecs_list`
"""

import sys

from detections.rules.ecs_fields import FILE
from tests.servers.ecs_schema import EcsSchema, ecs_schema

_HEAD = """\
# Fields of the Elastic Common Schema as a tree: a name below its parent, its Elasticsearch type,
# and [] where ECS wants a list. From the npm package @elastic/ecs, Apache License 2.0.
# Written by: python -m tests.detections.rules.ecs_list
"""


def listed(schema: EcsSchema) -> str:
    """The file's text."""
    lines: list[str] = []
    before: list[str] = []
    for name in sorted(schema.fields, key=lambda name: name.split(".")):
        field, way = schema.fields[name], name.split(".")
        shared = 0
        while shared < min(len(way) - 1, len(before)) and way[shared] == before[shared]:
            shared += 1
        lines += [" " * depth + way[depth] for depth in range(shared, len(way) - 1)]
        many = "[]" if "array" in field.normalize else ""
        lines.append(f"{' ' * (len(way) - 1)}{way[-1]} {field.type}{many}")
        before = way
    return _HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(listed(ecs_schema()), encoding="utf-8")
    sys.stdout.write(f"{FILE}: {len(ecs_schema().fields)} fields\n")


if __name__ == "__main__":
    main()
