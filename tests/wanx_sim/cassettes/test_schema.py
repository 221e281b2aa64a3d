"""The JSON Schema: what the format's types are, and what every cassette keeps to."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from wanx_sim import CassetteError
from wanx_sim.cassettes.format import Document, Exchange, Image, Job, State, decode, decode_entry

FIXTURES = Path(__file__).parents[3] / "fixtures"
SCHEMA = json.loads(files("wanx_sim.cassettes").joinpath("schema.json").read_text("utf-8"))
TYPES = {"Job": Job, "State": State, "Image": Image, "Exchange": Exchange}
FLOWER_SHOP = json.loads((FIXTURES / "cassettes" / "flower-shop.json").read_text("utf-8"))
# What the types cannot say: that a part of an answer must be there, or how long a price may be.
NARROWER = {("Job", "created"), ("Job", "price"), ("Job", "type"), ("Exchange", "type")}


def is_readable(document):
    try:
        found = decode(msgspec.json.encode(document), "x")
        for raw in found.interactions:
            decode_entry(raw, "x")
    except CassetteError:
        return False
    return True


def bare(schema):
    """A schema without the words for people, and in one order."""
    if isinstance(schema, dict):
        kept = {key: bare(value) for key, value in schema.items() if key != "description"}
        return kept | ({"anyOf": sorted(kept["anyOf"], key=str)} if "anyOf" in kept else {})
    return schema


def test_the_schema_is_one_of_2020_12():
    assert jsonschema_rs.meta.is_valid(SCHEMA)
    assert SCHEMA["$schema"].endswith("/2020-12/schema")


@pytest.mark.parametrize("name", TYPES)
def test_the_schema_has_the_fields_of_the_types_and_no_others(name):
    _, generated = msgspec.json.schema_components(
        list(TYPES.values()), ref_template="#/$defs/{name}"
    )
    ours, theirs = SCHEMA["$defs"][name], generated[name]
    assert list(ours["properties"]) == list(theirs["properties"])
    assert set(ours["required"]) == set(theirs["required"])
    for field, schema in theirs["properties"].items():
        if (name, field) not in NARROWER:
            assert bare(ours["properties"][field]) == bare(schema), field


def test_the_schema_has_the_fields_of_the_header():
    assert list(SCHEMA["properties"]) == list(Document.__struct_fields__)


@pytest.mark.parametrize("path", sorted((FIXTURES / "cassettes").glob("*.json")), ids=str)
def test_the_committed_cassettes_keep_to_the_schema(schema, path):
    schema.validate(json.loads(path.read_text("utf-8")))


def places(value, path=()):
    """Every place in a document but the parts that are the service's own."""
    yield path
    if path[-1:] in (("request",), ("body",), ("created",)):
        return
    if not isinstance(value, dict | list):
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places(item, (*path, key))


JUNK = [
    None,
    True,
    -1,
    0,
    7,
    200,
    1000,
    "",
    "x",
    "NaN",
    "1e999999999",
    "0" * 64,
    [],
    [1],
    {},
    {"output": {}},
    {"output": 1},
]
GONE = object()
PLACES = [path for path in places(FLOWER_SHOP) if path]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_what_the_schema_refuses_is_what_cannot_be_read(schema, path):
    *way, last = path
    for junk in [*JUNK, GONE]:
        document = part = copy.deepcopy(FLOWER_SHOP)
        for key in way:
            part = part[key]
        if junk is not GONE:
            part[last] = junk
        elif isinstance(part, dict):
            del part[last]
        # A price may also be written as a number by hand; no tool does, and the schema does not tell.
        if not (last == "price" and isinstance(junk, int)):
            assert schema.is_valid(document) == is_readable(document), junk


def test_a_path_in_the_place_of_a_hash_is_against_the_schema(schema):
    text = json.dumps(FLOWER_SHOP)
    (image,) = FLOWER_SHOP["interactions"][0]["images"]
    hostile = json.loads(text.replace(image["sha256"], "../../secret"))
    assert schema.is_valid(FLOWER_SHOP)
    assert not schema.is_valid(hostile)
    assert not is_readable(hostile)
