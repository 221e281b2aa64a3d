"""What `import wanx_client` gives, and what it costs."""

import inspect
import pickle
import subprocess
import sys

import pytest

import wanx_client
from wanx_client import AsyncWanxClient, Task, TaskStatus, WanxClient, WanxError

OPERATIONS = ["submit", "fetch", "wait", "download", "generate", "cancel", "tasks"]


def test_all_is_sorted_and_holds_every_public_name():
    public = {
        name
        for name, value in vars(wanx_client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert wanx_client.__all__ == sorted(public | {"__version__"})


def test_importing_needs_neither_click_nor_rich_nor_the_simulator():
    # httpx imports click and rich itself where it finds them, so they are taken away from both.
    program = (
        "import sys\n"
        "for name in ('click', 'rich', 'pytest', '_pytest', 'wanx_sim', 'msgspec', 'respx'):\n"
        "    sys.modules[name] = None\n"
        "import wanx_client\n"
        "print(wanx_client.__version__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == wanx_client.__version__


@pytest.mark.parametrize("name", OPERATIONS)
def test_both_clients_take_the_same_arguments(name):
    def parameters(client):
        return {
            parameter.name: (parameter.kind, parameter.default)
            for parameter in inspect.signature(getattr(client, name)).parameters.values()
        }

    assert parameters(WanxClient) == parameters(AsyncWanxClient)


def test_both_clients_are_made_with_the_same_arguments():
    assert list(inspect.signature(WanxClient).parameters) == [
        "api_key",
        "region",
        "base_url",
        "workspace",
        "timeout",
        "retries",
        "transport",
        "sleep",
    ]
    assert list(inspect.signature(WanxClient).parameters) == list(
        inspect.signature(AsyncWanxClient).parameters
    )


def test_no_httpx_type_stands_in_a_public_signature_but_transport():
    for client in (WanxClient, AsyncWanxClient):
        for name in ["__init__", *OPERATIONS]:
            for parameter, kind in getattr(client, name).__annotations__.items():
                assert "httpx" not in kind or parameter == "transport"


def error_classes():
    return [
        value
        for value in vars(wanx_client).values()
        if isinstance(value, type) and issubclass(value, WanxError)
    ]


@pytest.mark.parametrize("kind", error_classes())
def test_an_error_can_be_pickled_with_all_it_knows(kind):
    """So that it comes back whole from a worker process."""
    error = kind("花店", task_id="t-1")
    error.code, error.task = "InternalError", Task(id="t-1", status=TaskStatus.FAILED)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(copy) is kind
    assert vars(copy) == vars(error)


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_is_in_the_tree_that_the_docstring_draws(kind):
    assert kind.__name__ in wanx_client.errors.__doc__
    assert kind.__doc__
