"""The files of a cassette: what is written is read again, and nothing is ever half written."""

from __future__ import annotations

import json
import os
import stat
import string
import threading
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from wanx_sim import Cassette, CassetteError
from wanx_sim.cassettes.format import Exchange, Image, Job, State

TASK_ID = "0385dc79-5ff8-4d82-bcb6-4b1a6cbb1a11"

# Text that JSON can hold: no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(texts, values, max_size=4)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
sizes = st.integers(0, 10_000)
years = (datetime(2025, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(*years, timezones=st.just(UTC))
states = st.builds(
    State, offset=st.floats(0, 1e6), body=objects.map(lambda body: body | {"output": {}})
) | st.builds(State, offset=st.floats(0, 1e6), status=st.integers(400, 599), body=objects)
images = st.builds(
    Image,
    index=sizes,
    sha256=hashes,
    media_type=texts,
    size=sizes,
    width=sizes,
    height=sizes,
    kept=st.sampled_from(["full", "thumbnail", "placeholder"]),
    file=st.none() | hashes,
)
jobs = st.builds(
    Job,
    request=objects.map(lambda form: form | {"model": "wan2.5-t2i-preview"}),
    created=objects.map(lambda body: body | {"output": {"task_id": TASK_ID}}),
    at=moments,
    states=st.lists(states, max_size=3),
    images=st.lists(images, max_size=2),
    price=st.none() | st.decimals(0, 10, places=6).map(lambda price: price.normalize() + 0),
    complete=st.booleans(),
    trouble=st.none() | texts,
)
exchanges = st.builds(
    Exchange,
    at=moments,
    operation=st.sampled_from(["create", "query", "list", "cancel"]),
    request=objects,
    status=st.none() | st.integers(200, 599),
    body=objects,
    text=st.none() | texts,
)


def job(number=0, **changes):
    plain = {
        "request": {"model": "wan2.5-t2i-preview", "input": {"prompt": f"花店 {number}"}},
        "created": {"output": {"task_status": "PENDING", "task_id": TASK_ID}},
        "at": datetime(2025, 10, 28, 4, 0, tzinfo=UTC),
        "complete": True,
        "states": [
            State(offset=1.0, body={"output": {"task_id": TASK_ID, "task_status": "RUNNING"}})
        ],
        "images": [],
    }
    return Job(**plain | changes)


@pytest.fixture
def cassette(tmp_path) -> Cassette:
    return Cassette(tmp_path / "flower-shop.json")


@pytest.fixture
def document(cassette):
    """The JSON of a cassette that holds one job."""
    cassette.add(job())
    return json.loads(cassette.path.read_bytes())


# --- what is written is read again ----------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(jobs | exchanges, min_size=1, max_size=3))
def test_what_was_added_is_what_is_loaded(tmp_path_factory, entries):
    cassette = Cassette(tmp_path_factory.mktemp("library") / "any")
    for entry in entries:
        cassette.add(entry)
    assert Cassette.load(cassette.path).interactions == entries == cassette.interactions


def test_the_suffix_may_be_left_out(tmp_path):
    Cassette(tmp_path / "flower-shop").add(job())
    assert Cassette.load(tmp_path / "flower-shop").path == tmp_path / "flower-shop.json"
    assert (tmp_path / "flower-shop.json").exists()


def test_a_dot_in_a_name_is_part_of_the_name(tmp_path):
    assert Cassette(tmp_path / "wan2.5").path == tmp_path / "wan2.5.json"


def test_a_cassette_is_a_document_to_review(document, cassette):
    text = cassette.path.read_text(encoding="utf-8")
    assert list(document) == [
        "format",
        "version",
        "recorded_with",
        "recorded",
        "host",
        "models",
        "interactions",
    ]
    assert (document["format"], document["version"]) == ("wanx-cassette", 1)
    assert document["models"] == ["wan2.5-t2i-preview"]
    assert document["interactions"][0]["type"] == "job"
    assert '"prompt": "花店 0"' in text  # readable, not escaped
    assert text.endswith("}\n")
    assert max(map(len, text.splitlines())) < 100


def test_the_price_is_kept_to_the_last_digit(cassette):
    cassette.add(job(price=Decimal("0.183481")))
    assert Cassette.load(cassette.path).jobs[0].price == Decimal("0.183481")


def test_jobs_are_the_interactions_that_are_no_exchanges(cassette):
    at = datetime(2025, 10, 28, tzinfo=UTC)
    cassette.add(Exchange(at=at, operation="create", request={}, status=400))
    cassette.add(job())
    assert [type(entry) for entry in cassette.interactions] == [Exchange, Job]
    assert cassette.jobs == [job()]


# --- pictures -------------------------------------------------------------------------------------


def test_a_picture_is_kept_once_under_the_hash_of_its_bytes(cassette):
    first = cassette.keep_image(0, b"a picture", "image/png")
    again = cassette.keep_image(3, b"a picture", "image/png")
    digest = sha256(b"a picture").hexdigest()
    assert (first.sha256, again.sha256, again.index, first.size) == (digest, digest, 3, 9)
    assert [path.name for path in cassette.images_folder.iterdir()] == [f"{digest}.png"]
    assert cassette.image(first) == b"a picture"


def test_what_is_no_png_is_kept_without_a_size_in_pixels(cassette):
    image = cassette.keep_image(0, b"a picture", "image/webp")
    assert (image.media_type, image.width, image.height) == ("image/webp", 0, 0)


def test_a_picture_that_was_changed_is_not_believed(cassette):
    image = cassette.keep_image(0, b"a picture", "image/png")
    path = cassette.images_folder / f"{image.sha256}.png"
    path.write_bytes(b"another picture")
    with pytest.raises(CassetteError) as caught:
        cassette.image(image)
    assert str(path) in str(caught.value)
    assert str(cassette.path) in str(caught.value)


def test_a_picture_that_is_missing_is_named_with_its_cassette(cassette):
    image = Image(index=0, sha256="0" * 64, media_type="", size=1, width=1, height=1)
    with pytest.raises(CassetteError) as caught:
        cassette.image(image)
    assert str(cassette.images_folder / f"{'0' * 64}.png") in str(caught.value)
    assert str(cassette.path) in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../../secret", "/etc/passwd", "..", "", "a" * 63, "A" * 64, "0" * 64 + "\n", "０" * 64],
)
def test_a_picture_s_name_cannot_lead_out_of_the_library(cassette, tmp_path, name):
    (tmp_path.parent / "secret.png").write_bytes(b"secret")
    image = Image(index=0, sha256=name, media_type="", size=1, width=1, height=1)
    with pytest.raises(CassetteError, match="no SHA-256 hash") as caught:
        cassette.image(image)
    assert str(cassette.path) in str(caught.value)


# --- writing --------------------------------------------------------------------------------------


def test_writers_at_the_same_time_lose_nothing_of_each_other_s(cassette):
    start = threading.Barrier(4)

    def write(first):
        own = Cassette(cassette.path)
        start.wait(10)
        for number in range(first, first + 5):
            own.add(job(number))

    threads = [threading.Thread(target=write, args=(place * 5,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [entry.request["input"]["prompt"] for entry in Cassette.load(cassette.path).jobs]
    assert sorted(kept) == sorted(f"花店 {number}" for number in range(20))


def test_a_second_writer_adds_to_what_the_file_holds_by_now(cassette):
    early = Cassette(cassette.path)
    cassette.add(job(1))
    early.add(job(2))
    assert Cassette.load(cassette.path).jobs == [job(1), job(2)] == early.jobs


def litter(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    cassette, tmp_path, monkeypatch, step
):
    cassette.add(job(1))
    before = cassette.path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(CassetteError) as caught:
        cassette.add(job(2))
    assert str(caught.value) == f"cannot write {cassette.path}: No space left on device"
    monkeypatch.undo()
    assert cassette.path.read_bytes() == before
    assert litter(tmp_path) == []
    cassette.add(job(3))
    assert Cassette.load(cassette.path).jobs == [job(1), job(3)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CassetteError, match="cannot write"):
        Cassette(tmp_path / "file" / "flower-shop").add(job())


def test_no_lock_and_no_temporary_file_stays_beside_a_cassette(cassette, tmp_path):
    cassette.add(job())
    assert [path.name for path in tmp_path.iterdir()] == ["flower-shop.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_cassette_is_readable_by_whom_any_new_file_is(cassette, tmp_path):
    cassette.add(job())
    (tmp_path / "plain").touch()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cassette.path, tmp_path / "plain")]
    assert modes[0] == modes[1]


# --- files that are none --------------------------------------------------------------------------

HEAD = '{"format": "wanx-cassette", "version": 1, "recorded_with": "", "host": ""'
DAMAGED = {
    "empty": "",
    "no JSON": "<html>",
    "a list": "[]",
    "cut off": HEAD,
    "deeply nested": "[" * 100_000,
    "deeply nested objects": '{"a":' * 100_000,
    "no text": b"\xff\xfe\x00",
    "no text within": HEAD.encode()[:-1] + b'\xff"}',
    "an unknown interaction": HEAD + ', "interactions": [{"type": "video"}]}',
    "a job of nothing": HEAD + ', "interactions": [{"type": "job"}]}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_named_in_one_line(cassette, content):
    cassette.path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CassetteError) as caught:
        _ = Cassette.load(cassette.path).interactions
    said = str(caught.value)
    assert str(cassette.path) in said
    assert len(said.splitlines()) == 1
    assert len(said) < len(str(cassette.path)) + 200
    assert set(said) - set("\n") <= set(string.printable) | set(str(cassette.path))


def broken(document, **changes):
    (recorded,) = document["interactions"]
    return document | {"interactions": [recorded | changes]}


@pytest.mark.parametrize(
    "changes",
    [
        {"created": {"output": 5}},
        {"created": {}},
        {"created": {"output": {"task_id": 5}}},
        {"states": [{"offset": 1.0, "body": {}}]},
        {"states": [{"offset": 1.0, "body": {"output": "RUNNING"}}]},
        {"states": [{"offset": "soon", "body": {"output": {}}}]},
        {"at": None},
        {"request": []},
    ],
)
def test_a_job_that_could_not_be_replayed_is_not_loaded(cassette, document, changes):
    cassette.path.write_text(json.dumps(broken(document, **changes)))
    with pytest.raises(CassetteError, match="is damaged") as caught:
        _ = Cassette.load(cassette.path).interactions
    assert str(cassette.path) in str(caught.value)


@pytest.mark.parametrize("head", [{"version": 2}, {"version": "1"}, {"format": "vcr"}])
def test_a_file_of_another_version_is_not_guessed_at(cassette, document, head):
    cassette.path.write_text(json.dumps(document | head))
    with pytest.raises(CassetteError, match="is no cassette of version 1") as caught:
        Cassette.load(cassette.path)
    assert str(cassette.path) in str(caught.value)
    assert str(caught.value).endswith("record it anew")


def test_a_file_of_another_version_is_not_written_over(cassette, document):
    cassette.path.write_text(json.dumps(document | {"version": 2}))
    before = cassette.path.read_bytes()
    with pytest.raises(CassetteError):
        cassette.add(job())
    assert cassette.path.read_bytes() == before


def test_fields_of_a_later_writer_are_ignored(cassette, document):
    cassette.path.write_text(json.dumps(broken(document, mood="good") | {"author": "somebody"}))
    assert Cassette.load(cassette.path).jobs == [job()]


def test_a_file_that_is_not_there_is_named(cassette):
    with pytest.raises(CassetteError, match="No such file") as caught:
        Cassette.load(cassette.path)
    assert str(cassette.path) in str(caught.value)


def test_a_folder_is_no_cassette(cassette):
    cassette.path.mkdir()
    with pytest.raises(CassetteError, match="cannot read"):
        Cassette.load(cassette.path)
