"""One value of a good file is replaced by any other: it is read, or refused in our own words."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_sim import Cassette
from wanx_sim.cassettes.interop.exporting import export_file
from wanx_sim.cassettes.interop.importing import import_files
from wanx_sim.errors import CassetteError

odd = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all the values of a document."""
    if way:
        yield way
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list) else pairs
    for key, item in pairs:
        yield from places(item, (*way, key))


def changed(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(document)
    part = made
    for key in way[:-1]:
        part = part[key]
    part[way[-1]] = value
    return made


@pytest.fixture
def documents(tape, browser, page, tmp_path, record):
    """A file of each kind: a job with its picture, and a refusal."""
    with tape("cassetter") as shop:
        shop.order()
        shop.create(size="1*1")
    page.order()
    page.create(size="1*1")
    recording = record("一间花店")
    export_file(recording.cassette, tmp_path / "vcrpy.yaml")
    return {
        "path": recording.path,
        "cassetter": yaml.safe_load(shop.path.read_text(encoding="utf-8")),
        "vcrpy": yaml.safe_load((tmp_path / "vcrpy.yaml").read_text(encoding="utf-8")),
        "har": browser.document(),
        "ours": json.loads(recording.path.read_text(encoding="utf-8")),
    }


@pytest.mark.parametrize("kind", ["cassetter", "vcrpy", "har"])
@thorough
@given(data=st.data())
def test_an_import_reads_or_refuses(documents, tmp_path_factory, kind, data):
    document = documents[kind]
    way = data.draw(st.sampled_from(list(places(document))))
    document = changed(document, way, data.draw(odd))
    folder = tmp_path_factory.mktemp("any")
    path = folder / f"any.{kind}"
    write = json.dumps if kind == "har" else yaml.safe_dump
    path.write_text(write(document), encoding="utf-8")
    said = None
    try:
        import_files([path], Cassette(folder / "library" / "shop"))
    except CassetteError as error:
        said = str(error)
    assert {file.name for file in folder.iterdir()} <= {path.name, "library"}
    if said:
        assert "\n" not in said
        assert not (folder / "library").exists()


@pytest.mark.parametrize("suffix", ["har", "yaml"])
@thorough
@given(data=st.data())
def test_an_export_writes_or_refuses(documents, tmp_path_factory, suffix, data):
    document = documents["ours"]
    way = data.draw(st.sampled_from(list(places(document))))
    document = changed(document, way, data.draw(odd))
    path = documents["path"].with_name("changed.json")
    path.write_text(json.dumps(document), encoding="utf-8")
    target = tmp_path_factory.mktemp("any") / f"export.{suffix}"
    try:
        export_file(Cassette.load(path), target)
    except CassetteError:
        assert not target.exists()
    else:
        assert target.exists()
