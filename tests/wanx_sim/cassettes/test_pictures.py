"""What is stored of a picture, and what a replay serves of it."""

from __future__ import annotations

import struct
import zlib
from hashlib import sha256

import pytest

from wanx_sim import Cassette, CassetteError, Player, Recorder
from wanx_sim.rendering import png_size

PROMPT = "一间花店"


@pytest.fixture
def kept(sim, clock, library, talk):
    """Records a job with so much of its picture kept; the cassette."""

    def made(how):
        recorder = Recorder(sim, library / how, clock=clock, pictures=how)
        talk(recorder).job(PROMPT)
        return recorder.cassette

    return made


def replayed(cassette, talk):
    client = talk(Player(cassette.path))
    (picture,) = client.pictures(client.job(PROMPT))
    return picture


@pytest.mark.parametrize(("how", "files"), [("full", 1), ("thumbnail", 1), ("placeholder", 0)])
def test_a_replayed_picture_has_its_size_whatever_was_stored(kept, talk, how, files):
    cassette = kept(how)
    folder = cassette.images_folder
    assert len(list(folder.iterdir()) if folder.exists() else []) == files
    assert png_size(replayed(cassette, talk)) == (512, 512)


def test_a_thumbnail_is_smaller_and_the_hash_of_the_whole_is_kept(kept, sim):
    cassette = kept("thumbnail")
    (image,) = cassette.jobs[0].images
    (file,) = cassette.images_folder.iterdir()
    assert file.stem == image.file != image.sha256
    assert file.stat().st_size < image.size


def test_a_size_that_no_picture_has_is_refused_before_it_is_drawn(kept, talk):
    cassette = kept("placeholder")
    text = cassette.path.read_text().replace('"width": 512', '"width": 999999999')
    cassette.path.write_text(text)
    with pytest.raises(CassetteError, match="sides are 1 to 8192 pixels"):
        replayed(cassette, talk)


def test_a_bomb_in_the_place_of_a_thumbnail_is_not_unpacked(kept, talk):
    cassette = kept("thumbnail")
    (file,) = cassette.images_folder.iterdir()
    # A PNG whose header promises 3.6 gigapixels, under its own right hash.
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    content = file.read_bytes()
    bomb = content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    digest = sha256(bomb).hexdigest()
    file.with_stem(digest).write_bytes(bomb)
    cassette.path.write_text(cassette.path.read_text().replace(file.stem, digest))
    with pytest.raises(CassetteError, match="a thumbnail of 60000×60000 is none"):
        replayed(cassette, talk)


def test_a_file_of_another_size_is_not_even_read(kept, talk):
    cassette = kept("full")
    (file,) = cassette.images_folder.iterdir()
    with file.open("r+b") as sparse:
        sparse.truncate(10 * 2**30)
    with pytest.raises(CassetteError, match=r"has \d+ bytes, and"):
        replayed(cassette, talk)


def test_a_damaged_png_is_kept_whole(tmp_path, kept):
    cassette = kept("full")
    (file,) = cassette.images_folder.iterdir()
    damaged = file.read_bytes()[:200]
    image = Cassette(tmp_path / "damaged").keep_image(0, damaged, "image/png", "thumbnail")
    assert (image.kept, image.width) == ("full", 512)
