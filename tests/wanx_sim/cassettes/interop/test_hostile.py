"""Files of an enemy: one clear line each, nothing executed, nothing written."""

from __future__ import annotations

import gzip
import os
import sys
import zlib

import pytest
import yaml
from vcr.serializers import yamlserializer

from wanx_sim.cassettes import files
from wanx_sim.cassettes.interop import reading
from wanx_sim.errors import CassetteError

CREATE = "https://dashscope.aliyuncs.com/api/v1/services/aigc/text2image/image-synthesis"
LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {b: c}\n" + "".join(
    f"a{n}: &a{n} {{!!merge '<<': [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
)


@pytest.fixture
def refused(take_over, library, tmp_path):
    """The one line that is said of a file with such a content."""

    def says(content: str | bytes, name: str = "bad.yaml") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(CassetteError) as raised:
            take_over(path)
        assert not library.exists()
        line = str(raised.value)
        assert "\n" not in line
        assert len(line) < 400
        assert line.startswith(str(path))
        return line.removeprefix(str(path))

    return says


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:sys.exit [1]",
        "!!python/object/new:sys.exit [1]",
        "!!python/name:sys.exit",
        "!!python/module:sys",
        "!!python/tuple [1]",
        "!!timestamp 2025-10-28",
        "!!set {a}",
        "!!omap [a: 1]",
        "!!merge x",
        "!mine x",
    ],
)
def test_a_tag_is_refused_wherever_it_stands(refused, tag):
    for text in (f"interactions: {tag}", f"interactions:\n- request:\n    a:\n    - {tag}\n"):
        assert "only plain data is read" in refused(text)


def test_nothing_is_executed(refused, tmp_path, monkeypatch):
    made = tmp_path / "made"
    refused(
        f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{made}]]"
    )
    assert not made.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "holds more than it may once its aliases are followed"),
        (MERGES, "only plain data is read"),
        ("&a [*a]", "holds more than it may once its aliases are followed"),
        ("interactions: &a\n- request: *a", "holds more than it may"),
        ("[" * 100_000, "nest"),
        ("a: " + "{a: " * 1000, "is nested deeper than 64 levels"),
        ("- " * 1000, "is nested deeper than 64 levels"),
        ("*nobody", "found undefined alias in line 1"),
        ("interactions: [", "is no YAML that can be read"),
        ("a: 'b", "in line 1"),
        ("interactions:\n- request: {[a]: b}", "a key that is no text"),
        ("a: b\n---\na: b", "is no YAML"),
        ("{}\n---\n{}", "is no HAR file"),
        ("a: !!binary äöü", "is no YAML that can be read"),
        (b"\xff\xfe\x00", "is no"),
        (b"\x00", "is no YAML"),
        ("", "is no VCR file: it has no list of interactions"),
        ("花店", "is no VCR file"),
        ("[]", "is no VCR file"),
        ("interactions: 7", "is no VCR file"),
        ("http_interactions: []", "is no VCR file"),
        ("interactions: [7]", ": interaction 1: Expected `object`, got `str`"),
        ("interactions: [{}]", ": interaction 1: Object missing required field `request`"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(refused, text, says):
    assert says in refused(text)


def test_aliases_that_repeat_a_large_text_are_counted_by_their_letters(refused, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 100_000)
    text = f"a: &a {'花' * 1000}\ninteractions: [{', '.join(['*a'] * 1000)}]"
    assert "once its aliases are followed" in refused(text)


def test_aliases_as_pyyaml_writes_them_are_read(tape, take_over):
    with tape() as shop:
        shop.order()
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    one = document["interactions"][0]["response"]["headers"]
    for interaction in document["interactions"]:
        interaction["response"]["headers"] = one
    shop.path.write_text(yamlserializer.serialize(document))
    assert "*id001" in shop.path.read_text(encoding="utf-8")
    assert take_over(shop.path)[0].jobs[0].complete


def test_ten_gigabytes_are_not_read(take_over, tmp_path):
    path = tmp_path / "huge.har"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(CassetteError, match=r"huge.har has 10240 MB, and at most 256 MB are read"):
        take_over(path)


def test_a_folder_or_nothing_is_no_file(take_over, tmp_path):
    with pytest.raises(CassetteError, match="it is no file"):
        take_over(tmp_path)
    with pytest.raises(CassetteError, match="No such file"):
        take_over(tmp_path / "none.har")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(take_over, tmp_path):
    os.mkfifo(tmp_path / "pipe.har")
    with pytest.raises(CassetteError, match="it is no file"):
        take_over(tmp_path / "pipe.har")


# --- one interaction ------------------------------------------------------------------------------


def interaction(**changes):
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "{}"}}
    request = {"method": "POST", "uri": CREATE, "body": "{}", "headers": {}}
    made = {"request": request, "response": response}
    for path, value in changes.items():
        part = made
        *way, last = path.split("__")
        for name in way:
            part = part[name]
        part[last] = value
    return made


def packed(encoding, body):
    return {
        "response__headers": {"Content-Encoding": [encoding]},
        "response__body": {"string": body},
    }


DEFLATE = zlib.compress(b"\0" * 1000)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"request": None}, "Expected `object`"),
        ({"request__uri": [7]}, "Expected `str`, got `array`"),
        ({"request__uri": "http://["}, "its URL cannot be read"),
        ({"request__method": ["GET"]}, "Expected `str`, got `array`"),
        ({"request__headers": ["a"]}, "Expected `object"),
        ({"request__headers": {"a": {"b": "c"}}}, "its header 'a' is no text"),
        ({"request__headers": {"a": [["c"]]}}, "its header 'a' is no text"),
        ({"request__body": [1]}, "its body is neither a text nor bytes"),
        ({"response__status": {}}, "Object missing required field `code`"),
        ({"response__status": None}, "its answer has no status"),
        ({"response__status": {"code": 7}}, "7 is no HTTP status"),
        ({"response__status": {"code": "two"}}, "Expected `int`"),
        ({"response__status": 10**4000}, "is no HTTP status"),
        ({"response__body": [1]}, "its body is neither a text nor bytes"),
        ({"response__body": {"string": {"a": "b"}}}, "its body is neither a text nor bytes"),
        ({"response__body": {"type": "odd"}}, "its body is of no type that is known"),
        ({"response__body": {"type": "text", "content": ["a"]}}, "of no type that is known"),
        ({"response__body": {"type": "binary", "content": "xyz"}}, "its body is not hexadecimal"),
        ({"recorded_at": "yesterday"}, "'yesterday' is no time"),
        ({"recorded_at": ["2025"]}, "Expected `str | null`, got `array`"),
        ({"recorded_at": "9999-01-01"}, "no recording is of"),
        (
            packed("gzip", gzip.compress(b"{}")[:-9]),
            "its body cannot be unpacked, for it is cut off",
        ),
        (packed("gzip", b"\x1f\x8bnothing of the kind"), "its body cannot be unpacked ("),
        (packed("deflate", DEFLATE[:-5]), "its body cannot be unpacked, for it is cut off"),
    ],
)
def test_a_wrong_type_is_named_with_its_interaction(refused, changes, says):
    document = {"version": 1, "interactions": [interaction(), interaction(**changes)]}
    line = refused(yaml.safe_dump(document))
    assert line.startswith(": interaction 2: ")
    assert says in line


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_has_unpacked(refused, monkeypatch, encoding):
    monkeypatch.setattr(files, "LARGEST", 2**20)
    content = b"\0" * 2**24
    body = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    line = refused(yaml.safe_dump({"interactions": [interaction(**packed(encoding, body))]}))
    assert "its body has more than 1 MB, and no picture has" in line


def test_many_small_bombs_are_one_large_one(refused, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 2**20)
    one = interaction(**packed("gzip", gzip.compress(b"\0" * 2**18)))
    line = refused(yaml.safe_dump({"interactions": [one] * 8}))
    assert line.startswith(": interaction 5: ")


def test_a_body_larger_than_a_picture_is_refused(refused, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 1000)
    big = interaction(response__body={"string": "a" * 1001})
    assert "its body has more than" in refused(yaml.safe_dump({"interactions": [big]}))


@pytest.mark.parametrize(
    "body",
    ["[]", '"花店"', "7", "{", '{"output": 7}', '{"output": {"task_id": {}}}', "[" * 9000, "\x00"],
)
def test_an_answer_that_is_none_of_the_service_s_is_kept_as_no_job(take_over, tmp_path, body):
    path = tmp_path / "odd.yaml"
    path.write_text(
        yaml.safe_dump({"interactions": [interaction(response__body={"string": body})]})
    )
    _, (imported,) = take_over(path)
    assert imported.jobs == []
    assert [entry.operation for entry in imported.exchanges] == ["create"]


def test_a_task_id_names_no_file(take_over, tmp_path, library):
    body = '{"output": {"task_id": "../../../escaped", "task_status": "PENDING"}}'
    path = tmp_path / "odd.yaml"
    path.write_text(
        yaml.safe_dump({"interactions": [interaction(response__body={"string": body})]})
    )
    take_over(path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [
        "odd.yaml",
        "shop.json",
    ]
