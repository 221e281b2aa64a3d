import batch
import httpx
import pytest


@pytest.fixture
def menu(tmp_path):
    """Writes the menu of names and prompts; the path of the CSV file."""

    def write(**rows):
        lines = ["name,prompt", *(f"{name},{prompt}" for name, prompt in rows.items())]
        path = tmp_path / "menu.csv"
        path.write_text("\n".join(lines), "utf-8")
        return path

    return write


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pictures"


@pytest.fixture(scope="session")
def http():
    with httpx.Client() as http:
        yield http


@pytest.fixture
def run(folder, http, monkeypatch):
    """Starts the job with a menu, once more each time."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-test")
    return lambda path: batch.main(path, folder, http)
