"""`python -m tests.kibana.pictures`: the network on the demo's documents, into docs/images.

Drawn by Vega in Node.js, photographed by Chromium, on Kibana's light and dark backgrounds.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.kibana.compiled import vega_specs
from tests.kibana.demo_documents import demo_index
from tests.kibana.vega_in_kibana import ROOT, draw, node, with_data
from tests.servers.elasticsearch.session import end_session, lead_session, server_of_session

IMAGES = ROOT / "docs" / "images"
#: Kibana's own backgrounds of panels (EUI, Borealis).
THEMES = {"light": "#FFFFFF", "dark": "#0B1628"}
SIZES = {"wash-trade-network": (760, 520)}


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or node() is None:
        print("needs chromium, and Node.js with vega (make setup)", file=sys.stderr)
        return 1
    session = lead_session()
    try:
        specs = vega_specs()
        IMAGES.mkdir(exist_ok=True)
        demo = demo_index(server_of_session())
        for name, (width, height) in SIZES.items():
            spec, _ = with_data(specs[f"tapewatch-vega-{name}"], demo)
            for theme, background in THEMES.items():
                (drawn,) = draw([spec], width, height, background)
                target = IMAGES / f"kibana-{name}-{theme}.png"
                _photograph(chromium, drawn.svg, target, width, height, background)
                print(target.relative_to(ROOT), target.stat().st_size)
    finally:
        end_session(session)
    return 0


def _photograph(
    chromium: str, svg: str, target: Path, width: int, height: int, background: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        style = f"margin:0;background:{background};font-family:Inter,sans-serif"
        page.write_text(f'<meta charset="utf-8"><body style="{style}">{svg}', encoding="utf-8")
        command = [
            *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"),
            *(f"--screenshot={target}", page.as_uri()),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main())
