"""``posters 一间花店 -o pictures``: pictures of a prompt, by the official SDK."""

import re
from pathlib import Path

import click
import requests
from dashscope import ImageSynthesis
from dashscope.api_entities.dashscope_response import ImageSynthesisResponse
from dashscope.common.error import InvalidTask

MODEL = "wan2.5-t2i-preview"


def order(prompt: str, count: int, size: str) -> ImageSynthesisResponse:
    """Order pictures and wait for them; what the SDK answers."""
    # The service's own default for n is 4, and each of the four is billed.
    return ImageSynthesis.call(model=MODEL, prompt=prompt, n=count, size=size)


def paint(prompt: str, count: int, size: str) -> list[str]:
    """The links to the good pictures; an error in the service's own words if there is none."""
    try:
        answer = order(prompt, count, size)
    except InvalidTask as error:  # so the SDK says that an order was refused
        raise click.ClickException(str(error)) from error
    output = answer.output
    if output is None:  # and so, that a poll was
        raise click.ClickException(f"{answer.code}: {answer.message}")
    if output.task_status != "SUCCEEDED":
        raise click.ClickException(f"{output.task_status}: {output.get('message')}")
    return [result.url for result in output.results if result.get("url")]


def save(url: str, path: Path) -> None:
    picture = requests.get(url, timeout=60)
    picture.raise_for_status()
    path.write_bytes(picture.content)


@click.command()
@click.argument("prompt")
@click.option("--count", "-n", type=click.IntRange(1, 4), default=1, show_default=True)
@click.option("--size", default="1024*1024", show_default=True)
@click.option("--out", "-o", type=click.Path(path_type=Path), default=Path())
def main(prompt: str, count: int, size: str, out: Path) -> None:
    """Paint PROMPT and save the pictures in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", prompt)[:20]
    for number, url in enumerate(paint(prompt, count, size), 1):
        path = out / f"{name}-{number}.png"
        save(url, path)
        click.echo(path)
