import posters
import pytest
from click.testing import CliRunner


@pytest.fixture
def run(tmp_path):
    """Types the command; its exit code and what it printed."""

    def run(*arguments):
        return CliRunner().invoke(posters.main, [*arguments, "-o", str(tmp_path)])

    return run
