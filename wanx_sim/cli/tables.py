"""The commands that list what the simulator knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .printing import as_json_option, print_json, print_table

if TYPE_CHECKING:
    from ..protocol.behaviour import Tag


@click.command()
@click.option(
    "--profile",
    type=click.Choice(["2025-10", "2026-10"]),
    default="2025-10",
    show_default=True,
    help="Which documents' limits.",
)
@as_json_option
def models(profile: str, as_json: bool) -> None:
    """List the models with their limits and prices."""
    from ..protocol import catalogue

    found = catalogue.load(profile)
    if as_json:
        print_json({"models": list(found.models.values()), "elsewhere": found.elsewhere})
        return
    headings = ("model", "default size", "prompt", "CNY an image", "sizes")
    rows = [
        (
            model.name + (" *" if model.beyond_seed else ""),
            model.size,
            str(model.prompt_limit),
            ", ".join(f"{region} {price:.2f}" for region, price in model.price.items()),
            str(model.rule),
        )
        for model in found.models.values()
    ]
    print_table(headings, rows)
    click.echo("  * not in the seed document of 2025-10-28")
    for row in found.elsewhere:
        click.echo(f"  refused, {row.why}: {', '.join(row.names)}")


@click.command()
@as_json_option
def errors(as_json: bool) -> None:
    """List the errors of the service: status, code, message, when, and how we know."""
    import msgspec

    from ..protocol.errors import NAMED

    if as_json:
        print_json([{"name": name} | msgspec.to_builtins(row) for name, row in NAMED.items()])
        return
    rows = [
        (name, str(row.status), row.code, row.message, row.when, row.tag, row.source)
        for name, row in NAMED.items()
    ]
    print_table(("name", "HTTP", "code", "message", "when", "known from", "source"), rows)


@click.command()
@as_json_option
def faults(as_json: bool) -> None:
    """List the faults that have names: what happens, and where it was seen.

    A name can be given to `serve --faults`, to `Simulator.faults.add` and to the admin API, or
    stand in a prompt: [[fault:NAME]].
    """
    from ..faults import presets

    found = presets().values()
    if as_json:
        print_json(list(found))
        return
    rows = [
        (preset.name, ", ".join(fault.on for fault in preset.faults), preset.what, preset.tag,
         preset.evidence)
        for preset in found
    ]  # fmt: skip
    print_table(("name", "on", "what happens", "known from", "evidence"), rows)


@click.command()
@click.option("--assumed", is_flag=True, help="Only what no source says, as --tag assumed.")
@click.option(
    "--tag", type=click.Choice(["documented", "observed", "assumed"]), help="Only what is known so."
)
@as_json_option
def provenance(assumed: bool, tag: Tag | None, as_json: bool) -> None:
    """List every simulated behaviour, how we know it, and from where."""
    from collections import Counter

    from ..protocol.provenance import tagged

    if assumed and tag not in (None, "assumed"):
        raise click.UsageError(f"--assumed and --tag {tag} exclude each other; give one of them")
    found = tagged("assumed" if assumed else tag)
    if as_json:
        print_json(found)
        return
    rows = [(row.key, row.tag, row.says, row.source) for row in found]
    print_table(("behaviour", "known", "what happens", "source"), rows)
    counts = Counter(row.tag for row in found)
    click.echo(f"  {len(found)} behaviours: {', '.join(f'{n} {tag}' for tag, n in counts.items())}")
