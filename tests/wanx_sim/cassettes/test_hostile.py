"""Cassettes that a stranger made: one clear line each, nothing run, nothing written outside."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from wanx_sim import Cassette, CassetteError, Player, Recorder
from wanx_sim.cassettes.files import LARGEST
from wanx_sim.cli import cli

FIXTURE = Path(__file__).parents[3] / "fixtures" / "cassettes"


@pytest.fixture
def shop(tmp_path) -> Path:
    """A cassette of a library, which can be spoilt."""
    library = tmp_path / "library"
    shutil.copytree(FIXTURE, library)
    return library / "flower-shop.json"


@pytest.fixture
def outside(tmp_path) -> Path:
    """What lies beside the library, and is nobody's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.json").write_text('{"password": "hunter2"}')
    return folder


def edited(path, change):
    document = json.loads(path.read_bytes())
    change(document["interactions"][0], document)
    path.write_text(json.dumps(document))


def picture(path):
    return next((path.parent / "images").iterdir())


def set_image(path, **changes):
    edited(path, lambda job, _: job["images"][0].update(changes))


def renamed(path, content):
    """Put other bytes in the picture's place, under their own right hash and size."""
    old = picture(path)
    digest = sha256(content).hexdigest()
    old.with_stem(digest).write_bytes(content)
    old.unlink()
    set_image(path, sha256=digest, size=len(content))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side):
    """A PNG of so many pixels a side, all alike, in a few kilobytes."""
    rows = zlib.compressobj(9)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = b"".join(rows.compress(bytes(side + 1)) for _ in range(min(side, 2000))) + rows.flush()
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def deep(path):
    nested = {}
    for _ in range(400):
        nested = {"a": nested}
    edited(path, lambda job, _: job["request"].update(parameters=nested))


def as_folder(path):
    path.unlink()
    path.mkdir()


def as_link_out(path):
    target = path.parent.parent / "outside" / "flower-shop.json"
    target.parent.mkdir(exist_ok=True)
    shutil.move(path, target)
    path.symlink_to(target)


def as_pipe(path):
    path.unlink()
    os.mkfifo(path)


def as_huge_file(path):
    with path.open("r+b") as file:
        file.truncate(10 * 2**30)


# What is wrong with the file itself, and what is said of it.
FILES = {
    "a path for a hash": (lambda path: set_image(path, sha256="../../outside/secret"), "damaged"),
    "a path for a thumbnail": (
        lambda path: set_image(path, kept="thumbnail", file="/etc/passwd"),
        "damaged",
    ),
    "deep JSON": (deep, "nested 4"),
    "very deep JSON": (lambda path: path.write_text("[" * 200_000), "damaged"),
    "another version": (lambda path: edited(path, lambda _, d: d.update(version=2)), "version 1"),
    "another format": (lambda path: edited(path, lambda _, d: d.update(format="vcr")), "version 1"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:900]), "damaged"),
    "no UTF-8": (lambda path: path.write_bytes(path.read_bytes().replace("店".encode(), b"\xff")), "damaged"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "no job's status": (lambda path: edited(path, lambda job, _: job["states"][0].update(status=0)), "damaged"),
    "no results": (
        lambda path: edited(path, lambda job, _: job["states"][2]["body"]["output"].update(results=5)),
        "results",
    ),
    "a time without a zone": (
        lambda path: edited(path, lambda job, _: job.update(at="2025-10-28T04:00:00")),
        "damaged",
    ),
    "a price to spell out": (lambda path: edited(path, lambda job, _: job.update(price="1e999999999")), "price"),
    "a folder": (as_folder, "folder"),
    "a link out of the library": (as_link_out, "link"),
    "a pipe": (as_pipe, "no regular file"),
    "10 GB": (as_huge_file, f"at most {LARGEST} are read"),
}  # fmt: skip

# What is wrong with its picture.
PICTURES = {
    "another picture": (lambda path: picture(path).write_bytes(bytes(18281)), "its hash differs"),
    "another size": (lambda path: picture(path).write_bytes(b"small"), "has 5 bytes"),
    "10 GB declared": (lambda path: set_image(path, size=10 * 2**30), "has 18281 bytes"),
    "no file": (lambda path: picture(path).unlink(), "No such file"),
    "a bomb": (lambda path: renamed(path, bomb(60_000)), "pixels"),
    "cut short": (lambda path: renamed(path, picture(path).read_bytes()[:2000]), "does not decode"),
    "other pixels": (lambda path: renamed(path, bomb(40)), "it has 40×40 pixels"),
}


def link_picture_out(path):
    outside = path.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    target = shutil.move(picture(path), outside)
    (path.parent / "images" / Path(target).name).symlink_to(target)


def link_images_out(path):
    outside = path.parent.parent / "outside"
    outside.mkdir(exist_ok=True)
    shutil.move(path.parent / "images", outside / "images")
    (path.parent / "images").symlink_to(outside / "images")


PICTURES["a link out of the library"] = (link_picture_out, "leads out of")
PICTURES["images that lie elsewhere"] = (link_images_out, "leads out of")

COMMANDS = {
    "ls": ["ls", "{}"],
    "show": ["show", "{}"],
    "show a job": ["show", "{}", "1"],
    "show as text": ["show", "{}", "--text"],
    "show on a sheet": ["show", "{}", "--sheet", "{out}"],
    "diff": ["diff", "{}", str(FIXTURE / "flower-shop.json")],
    "diff the other way": ["diff", str(FIXTURE / "flower-shop.json"), "{}"],
    "verify": ["verify", "{}"],
    "verify without drift": ["verify", "--no-drift", "{}"],
    "prune": ["prune", "--incomplete", "{}"],
    "prune for a rehearsal": ["prune", "--dry-run", "{}"],
}


def ran(command, path, out):
    arguments = [part.format(path, out=out) for part in COMMANDS[command]]
    return CliRunner().invoke(cli, ["cassette", *arguments])


def everything(folder):
    return {
        path: path.read_bytes() if path.is_file() and path.stat().st_size < 10**6 else b""
        for path in sorted(folder.rglob("*"))
        if path.name != "out.png"
    }


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes in folders nor free links")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", FILES)
def test_a_command_says_in_one_line_what_is_wrong_with_a_file(
    shop, outside, tmp_path, command, case
):
    spoil, says = FILES[case]
    spoil(shop)
    before = everything(tmp_path)
    result = ran(command, shop, tmp_path / "out.png")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    (line,) = [line for line in result.output.splitlines() if "flower-shop.json" in line]
    assert says in line
    assert len(line) < 400 + len(str(tmp_path))
    assert everything(tmp_path) == before
    assert not (tmp_path / "out.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes in folders nor free links")
@pytest.mark.parametrize("case", FILES)
def test_neither_a_cassette_nor_a_player_takes_such_a_file(shop, outside, case):
    spoil, _ = FILES[case]
    spoil(shop)
    with pytest.raises(CassetteError) as caught:
        _ = Cassette.load(shop).interactions
    assert str(shop) in str(caught.value)
    with pytest.raises(CassetteError):
        _ = Player(shop).unused


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", PICTURES)
def test_a_command_does_what_it_can_with_a_picture_that_is_not_what_it_says(
    shop, outside, tmp_path, command, case
):
    spoil, says = PICTURES[case]
    spoil(shop)
    before = everything(tmp_path)
    result = ran(command, shop, tmp_path / "out.png")
    assert type(result.exception) in (type(None), SystemExit)
    if "verify" in command:
        (line,) = [line for line in result.output.splitlines() if "error" in line][:-1]
        assert says in line
        assert result.exit_code == 1
    assert everything(tmp_path) == before


@pytest.mark.parametrize("case", PICTURES)
def test_a_player_serves_no_picture_that_is_not_what_it_says(shop, outside, talk, case):
    spoil, _ = PICTURES[case]
    spoil(shop)
    client = talk(Player(shop, pace="instant"))
    prompt = Cassette.load(shop).jobs[0].request["input"]["prompt"]
    output = client.job(prompt, prompt_extend=True)
    if case in ("a bomb", "cut short", "other pixels"):
        # Its bytes are those that were recorded, and whoever asks may have them: none is unpacked.
        assert client.pictures(output)
        return
    with pytest.raises(CassetteError):
        client.client.get(output["results"][0]["url"])


def odd_status(job):
    job["states"][1]["body"]["output"]["task_status"] = "QUEUED"
    job["created"]["output"]["task_status"] = 5


def odd_times(job):
    output = job["states"][2]["body"]["output"]
    output.update(submit_time="9999-12-31 23:59:59.999", end_time="0001-01-01 00:00:00.000")


def odd_ids(job):
    job["created"]["request_id"] = "x\r\nset-cookie: a=b"


ODD = {"a status": odd_status, "times": odd_times, "a request id": odd_ids}


@pytest.mark.parametrize("case", ODD)
def test_a_player_answers_from_odd_values_as_from_any(shop, talk, case):
    edited(shop, lambda job, _: ODD[case](job))
    client = talk(Player(shop))
    prompt = Cassette.load(shop).jobs[0].request["input"]["prompt"]
    created = client.create(prompt, prompt_extend=True)
    assert "\n" not in created.headers["x-request-id"]
    task_id = created.json()["output"]["task_id"]
    for _ in range(3):
        assert client.ask("GET", "/api/v1/tasks").status_code == 200
        answer = client.ask("GET", f"/api/v1/tasks/{task_id}")
        assert answer.status_code == 200
    output = answer.json()["output"]
    assert output["task_status"] == "SUCCEEDED"
    assert output["submit_time"] <= output["end_time"] or case != "times"
    assert client.pictures(output)


def test_a_recorder_writes_no_picture_through_a_link(shop, outside, sim, clock, talk):
    shutil.rmtree(shop.parent / "images")
    (shop.parent / "images").symlink_to(outside)
    recorder = Recorder(sim, shop, clock=clock)
    client = talk(recorder)
    with pytest.raises(CassetteError, match="leads out of"):
        client.job("另一间花店")
    assert [path.name for path in outside.iterdir()] == ["secret.json"]


@pytest.mark.parametrize("command", ["ls", "show", "diff", "verify"])
def test_what_a_terminal_would_obey_is_not_printed(shop, tmp_path, command):
    orders = "\x1b]0;owned\x07\x1b[2J\u202e花\x9b31m\r\n店"
    edited(shop, lambda job, _: job["request"]["input"].update(prompt=orders))
    edited(shop, lambda job, _: job.update(complete=False, trouble=orders))
    text = ran(command, shop, tmp_path / "out.png").output
    assert "花" in text or command == "verify"
    assert set(text) & set("\x1b\x07\u202e\x9b\r") == set()


def flood(path):
    """A picture of the largest size that is unpacked, and one beyond it, as the cassette has them."""
    renamed(path, bomb(8192))
    set_image(path, width=8192, height=8192)


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no address space")
@pytest.mark.parametrize("spoil", [deep, flood, as_huge_file])
@pytest.mark.parametrize("command", ["ls", "show", "verify"])
def test_it_takes_little_memory_to_refuse(shop, command, spoil):
    """400 MB of addresses are what Python, its libraries and one picture need."""
    spoil(shop)
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))\n"
        "from wanx_sim.cli import cli\n"
        "cli(['cassette', *sys.argv[1:]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, shop], capture_output=True, text=True, check=False
    )
    assert "MemoryError" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert done.returncode == (0 if spoil is flood and command != "verify" else 1)
