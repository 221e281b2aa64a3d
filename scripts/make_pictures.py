"""Draw what the READMEs show, into fixtures/pictures: sample pictures, and the demo's terminal."""

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from wanx_sim.rendering import Picture, render

FOLDER = Path(__file__).parents[1] / "fixtures" / "pictures"
SAMPLES = {
    "flower-shop": ("一间有着精致窗户的花店，漂亮的木质门，摆放着花朵", 7, False),
    "aurora": ("雪地，白色小教堂，极光，冬日场景，柔和的光线。", 21, True),
    "lighthouse": ("A lighthouse at dawn, soft light, painted in watercolours", 5, False),
}


def terminal() -> str:
    """The demo as a terminal shows it, as an SVG that loads no fonts from anywhere."""
    command = [Path(sys.executable).with_name("wanx-sim"), "demo"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"FORCE_COLOR": "1", "COLUMNS": "118"},
            capture_output=True,
            text=True,
            check=True,
        )
    console = Console(record=True, width=118, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(done.stdout.rstrip()))
    svg = console.export_svg(title="wanx-sim demo")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "demo.svg").write_text(terminal(), "utf-8")
    for name, (prompt, seed, watermark) in SAMPLES.items():
        picture = Picture(
            model="wan2.5-t2i-preview",
            prompt=prompt,
            seed=seed,
            width=960,
            height=960,
            index=0,
            watermark=watermark,
        )
        (FOLDER / f"{name}.png").write_bytes(render(picture))


if __name__ == "__main__":
    main()
