"""What people install, built and installed."""

from __future__ import annotations

import json
import sys
import tarfile
from configparser import ConfigParser
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from wanx_client import __version__

# Against httpx itself, which loads click and rich for a command of its own where it finds them.
LISTING = """
import json, sys
import httpx
before = set(sys.modules)
import wanx_client
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.fixture
def names(built):
    with ZipFile(built.wheel) as wheel:
        return wheel.namelist()


def test_the_wheel_is_small(built):
    assert built.wheel.stat().st_size < 2_000_000


def test_the_wheel_bears_the_version_of_the_package(built):
    assert built.wheel.name == f"wanx_kit-{__version__}-py3-none-any.whl"


@pytest.mark.parametrize(
    "name",
    [
        "wanx_client/py.typed",
        "wanx_sim/py.typed",
        "wanx_sim/cassettes/schema.json",
        "wanx_sim/faces/console/console.css",
        "wanx_sim/faces/console/console.js",
        "wanx_sim/faces/console/index.html",
        "wanx_sim/protocol/catalogue.toml",
        "wanx_sim/rendering/glyphs.bin",
        "wanx_sim/rendering/LICENSE-OFL.txt",
        f"wanx_kit-{__version__}.dist-info/licenses/LICENSE",
        f"wanx_kit-{__version__}.dist-info/licenses/wanx_sim/rendering/LICENSE-OFL.txt",
    ],
)
def test_the_wheel_has(name, names):
    assert name in names


def test_the_wheel_has_nothing_but_the_two_packages(names):
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"wanx_client", "wanx_sim", f"wanx_kit-{__version__}.dist-info"}
    assert [name for name in names if name.endswith((".pyc", ".ttf", ".otf", ".woff2"))] == []


def test_the_wheel_declares_its_commands_and_its_plugin(built):
    declared = ConfigParser()
    with ZipFile(built.wheel) as wheel:
        declared.read_string(
            wheel.read(f"wanx_kit-{__version__}.dist-info/entry_points.txt").decode()
        )
    assert {section: dict(declared[section]) for section in declared.sections()} == {
        "console_scripts": {"wanx": "wanx_client.cli:main", "wanx-sim": "wanx_sim.cli:main"},
        "pytest11": {"wanx": "wanx_sim.pytest_plugin"},
    }


def test_the_sdist_has_the_tests_and_what_builds_it(built):
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"tests/house/test_wheel.py", "pyproject.toml", "Makefile", "LICENSE"} <= names


def test_the_wheel_alone_requires_httpx_click_and_rich(required):
    assert names_of(required()) == {"click", "httpx", "rich"}


def test_each_extra_adds_what_it_says(required):
    assert names_of(required("redis")) - names_of(required("sim")) == {"redis"}
    assert names_of(required("httpx2")) - names_of(required("sim")) == {"httpx2"}
    assert names_of(required("tls")) - names_of(required("sim")) == {"cryptography"}


def names_of(requirements):
    return {Requirement(text).name for text in requirements}


def test_the_client_imports_nothing_heavier_than_httpx(environment):
    loaded = set(json.loads(environment.run("python", "-c", LISTING)))
    # anyio is what httpx itself loads as soon as it is used asynchronously.
    assert loaded - set(sys.stdlib_module_names) - {"anyio"} == {"wanx_client"}


def test_the_client_s_command_works_without_extras(environment):
    assert "generate" in environment.run("wanx", "--help")


def test_pytest_is_not_disturbed_where_the_extra_is_missing(environment, tmp_path):
    """The plugin is registered by the plain wheel too, and may not hinder tests that don't use it."""
    (tmp_path / "test_application.py").write_text("def test_it(): import wanx_client\n")
    pytest_alone = environment.lay(["pytest"], tmp_path / "packages")

    output = environment.run(
        *("python", "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)),
        path=pytest_alone,
        cwd=tmp_path,
    )

    assert "plugins: wanx-kit" in output
    assert "1 passed" in output


def test_the_simulator_works_from_the_wheel(environment, required, tmp_path):
    """So the data files are where it looks for them, and all that it imports is required."""
    extra = environment.lay(required("sim"), tmp_path / "packages")

    output = environment.run(
        "wanx-sim", "demo", "-o", str(tmp_path / "out"), path=extra, cwd=tmp_path
    )

    assert output
    assert list(tmp_path.glob("out/**/*.png"))
