"""Draw the sample pictures that the READMEs show, into fixtures/pictures."""

from pathlib import Path

from wanx_sim.rendering import Picture, render

FOLDER = Path(__file__).parents[1] / "fixtures" / "pictures"
SAMPLES = {
    "flower-shop": ("一间有着精致窗户的花店，漂亮的木质门，摆放着花朵", 7, False),
    "aurora": ("雪地，白色小教堂，极光，冬日场景，柔和的光线。", 21, True),
    "lighthouse": ("A lighthouse at dawn, soft light, painted in watercolours", 5, False),
}


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
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
