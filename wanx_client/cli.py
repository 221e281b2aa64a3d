"""The `wanx` command: the client's operations for a shell.

Exit codes: 0 good, 1 the task failed, 2 wrong usage, 3 refused by the service, 4 timed out,
5 network, 130 interrupted.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from wanx_client import Region, TaskStatus, __version__
from wanx_client.console import (
    FAILED,
    exit_code,
    print_json,
    print_page,
    print_task,
    say,
    say_failed_images,
    task_document,
)
from wanx_client.options import JSON, ORDER, OUTPUT, PATIENCE, TASK_ID, moment
from wanx_client.outcomes import outcome_error
from wanx_client.progress import watcher
from wanx_client.regions import BASE_URL_VARIABLE, REGION_VARIABLE
from wanx_client.shell import CannotWriteError, Session, WanxGroup

if TYPE_CHECKING:
    from pathlib import Path

    from wanx_client import Task, WanxClient


@click.group(
    cls=WanxGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 good, 1 the task failed, 2 wrong usage, 3 refused by the service,"
    " 4 timed out, 5 network.",
)
@click.option(
    "--region",
    type=click.Choice([region.value for region in Region], case_sensitive=False),
    envvar=REGION_VARIABLE,
    show_envvar=True,
    help="The region that your key belongs to.  [default: beijing]",
)
@click.option(
    "--base-url",
    metavar="URL",
    envvar=BASE_URL_VARIABLE,
    show_envvar=True,
    help="Where to find the service instead; ends in /api/v1. Beats the region.",
)
@click.version_option(__version__, prog_name="wanx")
@click.pass_context
def cli(ctx: click.Context, region: str | None, base_url: str | None) -> None:
    """Make pictures from prompts with 通义万相 (DashScope).

    The API key is read from the environment variable DASHSCOPE_API_KEY.
    """
    session: Session = ctx.obj
    session.options = {"region": region, "base_url": base_url, **session.options}
    for name, value in (("region", region), ("base_url", base_url)):
        if value and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            session.command += f" --{name.replace('_', '-')} {shlex.quote(value)}"


@cli.command()
@ORDER
@OUTPUT
@PATIENCE
@JSON
@click.pass_obj
def generate(
    session: Session, /, output: Path, poll_interval: float, timeout: float, **order: Any
) -> None:
    """Create a task, wait for it, and save its pictures. Prints the files."""
    with session.client() as client:
        with watcher(as_json=session.as_json) as progress:
            session.creating = True
            task = client.submit(**order)
            session.stake(task.id, f"wait {task.id}")
            progress.submitted(task)
            task = client.wait(
                task, poll_interval=poll_interval, timeout=timeout, on_update=progress
            )
        _save(session, client, task, output)


@cli.command()
@ORDER
@JSON
@click.pass_obj
def submit(session: Session, /, **order: Any) -> None:
    """Create a task and print its id, without waiting."""
    with session.client() as client:
        session.creating = True
        task = client.submit(**order)
    session.stake(task.id, f"wait {task.id}")
    if session.as_json:
        print_json(task_document(task))
    else:
        click.echo(task.id)
        say(f"Wait for it with: {session.resume}")


@cli.command()
@TASK_ID
@JSON
@click.pass_obj
def status(session: Session, /, task_id: str) -> None:
    """Show how a task stands. The exit code is 1 if it failed or is not known."""
    with session.client() as client:
        task = client.fetch(task_id)
    _show(session, task)
    error = outcome_error(task)
    if error is not None and exit_code(error) == FAILED:
        say(f"wanx: {error}")
        raise click.exceptions.Exit(FAILED)


@cli.command()
@TASK_ID
@PATIENCE
@JSON
@click.pass_obj
def wait(session: Session, /, task_id: str, poll_interval: float, timeout: float) -> None:
    """Wait for a task, and show it."""
    session.stake(task_id, f"wait {task_id}")
    with session.client() as client, watcher(as_json=session.as_json) as progress:
        task = client.wait(
            task_id, poll_interval=poll_interval, timeout=timeout, on_update=progress
        )
    _show(session, task)


@cli.command()
@TASK_ID
@OUTPUT
@JSON
@click.pass_obj
def download(session: Session, /, task_id: str, output: Path) -> None:
    """Save the pictures of a task that succeeded. Prints the files."""
    with session.client() as client:
        _save(session, client, client.fetch(task_id), output)


@cli.command()
@TASK_ID
@JSON
@click.pass_obj
def cancel(session: Session, /, task_id: str) -> None:
    """Cancel a task that is still PENDING."""
    with session.client() as client:
        client.cancel(task_id)
    if session.as_json:
        print_json({"task_id": task_id, "canceled": True})
    else:
        click.echo(f"canceled {task_id}")


@cli.command()
@click.option(
    "--status",
    type=click.Choice([status.value for status in TaskStatus], case_sensitive=False),
    help="Only tasks in this state.",
)
@click.option("--model", help="Only tasks of this model.")
@click.option("--start", callback=moment, help="Only tasks from this time on.")
@click.option("--end", callback=moment, help="Only tasks up to this time; 24 hours later at most.")
@click.option("--page", default=1, type=click.IntRange(min=1), show_default=True)
@click.option("--page-size", default=10, type=click.IntRange(min=1), show_default=True)
@JSON
@click.pass_obj
def tasks(session: Session, /, **query: Any) -> None:
    """List the account's tasks, by default of the last 24 hours."""
    with session.client() as client:
        page = client.tasks(**query)
    if session.as_json:
        print_json(asdict(page))
    else:
        print_page(page)


def _show(session: Session, task: Task) -> None:
    if session.as_json:
        print_json(task_document(task))
    else:
        print_task(task)


def _save(session: Session, client: WanxClient, task: Task, output: Path) -> None:
    session.stake(task.id, f"download {task.id} -o {shlex.quote(str(output))}")
    try:
        files = client.download(task, output)
    except OSError as error:
        raise CannotWriteError(
            f"cannot write to {output}: {error}. The pictures can be had for 24 hours with:"
            f" {session.command} download {task.id} -o DIR"
        ) from error
    if session.as_json:
        print_json(task_document(task, files))
        return
    say_failed_images(task)
    for path in files:
        click.echo(path)


def main() -> None:
    """Run the command."""
    cli(prog_name="wanx")


if __name__ == "__main__":
    main()
