import json

import pytest
from drawing import DrawingTool


@pytest.fixture
def tool(wanx_client, tmp_path):
    return DrawingTool(wanx_client, tmp_path)


@pytest.fixture
def ask():
    """Calls the tool as a model does."""

    def ask(tool, **arguments):
        return json.loads(tool.call(json.dumps(arguments)))

    return ask
