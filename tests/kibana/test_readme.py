"""The dashboard that kibana/README.md shows is one."""

import re
import shutil
from pathlib import Path

from delivery.build import elasticsearch_fields
from delivery.kibana.links import Links
from delivery.kibana.reading import read_source
from delivery.kibana.saved_objects import saved_objects
from tests.kibana.compiled import FOLDER


def test_the_dashboard_of_the_readme_compiles(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text("utf-8"), re.S)
    assert found is not None
    folder = tmp_path / "kibana"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("compiled"))
    (folder / "dashboards" / "mine.yaml").write_text(found[1], encoding="utf-8")
    source = read_source(folder, elasticsearch_fields())
    made = saved_objects(source, Links(), elasticsearch_fields())
    assert ("dashboard", "tapewatch-my-desk") in {(one["type"], one["id"]) for one in made}
