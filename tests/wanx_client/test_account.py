"""Who asks."""

import pytest

from wanx_client import AuthenticationError, WanxClient
from wanx_client.account import Account


def resolve(api_key=None, environ=None, workspace=None):
    return Account.resolve(api_key, None, None, workspace, environ or {})


def test_the_key_comes_from_the_environment():
    assert resolve(environ={"DASHSCOPE_API_KEY": "sk-env"}).api_key == "sk-env"


def test_a_key_given_beats_the_environment():
    assert resolve("sk-arg", {"DASHSCOPE_API_KEY": "sk-env"}).api_key == "sk-arg"


def test_a_key_read_from_a_file_may_end_in_a_newline():
    assert resolve("sk-file\n").api_key == "sk-file"


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_the_error_names_the_variable_to_set(key):
    with pytest.raises(AuthenticationError, match="DASHSCOPE_API_KEY"):
        WanxClient(key)


@pytest.mark.parametrize("key", ["sk-a b", "sk-钥匙", "sk-a\r\nX-Evil: 1"])
def test_a_key_that_can_be_none_is_refused_and_not_repeated(key):
    with pytest.raises(AuthenticationError) as caught:
        resolve(key)
    assert "sk-" not in str(caught.value)


def test_the_key_is_not_in_the_repr():
    assert "sk-secret" not in repr(resolve("sk-secret"))


def test_a_workspace_is_a_header():
    assert resolve("sk-a", workspace="llm-1").headers["X-DashScope-WorkSpace"] == "llm-1"
    assert "X-DashScope-WorkSpace" not in resolve("sk-a").headers


def test_a_workspace_that_can_be_none_is_refused():
    with pytest.raises(ValueError, match="workspace"):
        resolve("sk-a", workspace="llm 1")


def test_path_segments_are_quoted():
    assert resolve("sk-a").url("tasks", "../a b").endswith("/api/v1/tasks/..%2Fa%20b")
