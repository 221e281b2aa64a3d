"""The files of the development cache: what is dropped, what is damaged, and made again."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from wanx_sim import StoreError
from wanx_sim.cassettes.cache import Cache
from wanx_sim.cassettes.cachefiles import CacheWarning

HOST = "dashscope.aliyuncs.com"
DATABASE = "wanx-cache-1/cache.db"


@pytest.fixture
def cache(tmp_path):
    """Opens the cache of this test, each time as a new process would, when the last has ended."""
    opened = []

    def made(**how):
        for each in opened:
            each.close()
        opened.append(Cache(tmp_path / "cache", **how))
        return opened[-1]

    yield made
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def shops(record):
    """Three jobs of a picture each."""
    return record("花店", "书店", "茶馆")


def prompts(cache):
    return [kept.job.request["input"]["prompt"] for _, kept in cache.entries()]


def test_it_is_filled_from_cassettes_and_equal_to_what_it_was(cache, shops):
    assert cache().add(shops.cassette) == 3
    before = cache().entries()
    cache().clear()
    assert cache().entries() == []
    cache().add(shops.cassette)
    assert cache().entries() == before
    for key, kept in before:
        (image,) = kept.job.images
        assert cache().picture(key, image) == shops.cassette.image(image)


def test_of_equal_requests_the_newest_is_kept(cache, record):
    recording = record("花店", "花店", every=60.0)
    assert cache().add(recording.cassette) == 1
    ((_, kept),) = cache().entries()
    assert kept.job.task_id == recording.task_ids[1]


def test_only_what_succeeded_is_kept(cache, record):
    assert cache().add(record("[[fail:InternalError.Algo]]", "花店").cassette) == 1


def test_a_small_cache_drops_its_oldest_jobs_with_their_pictures(cache, shops):
    cache().add(shops.cassette)
    whole = cache().volume
    cache().clear()
    with pytest.warns(CacheWarning, match=r"is full \(\d+ MiB\); dropped its oldest 1 job"):
        cache(limit=whole - 1).add(shops.cassette)
    assert len(prompts(cache())) == 2
    assert len([name for name in cache()._files.names() if "/" in name]) == 4


def test_what_is_too_old_is_pruned_and_named(cache, shops):
    cache().add(shops.cassette)
    assert cache().prune(max_age=timedelta(days=100_000)) == []
    dropped = cache().prune(max_age=timedelta(days=1))
    assert sorted(kept.job.task_id for kept in dropped) == sorted(shops.task_ids)
    assert cache().entries() == []


def test_a_lost_answer_stays_until_somebody_says_otherwise_or_a_day_has_passed(cache):
    now = datetime.now(UTC)
    cache().sent("a" * 64, HOST, now)
    cache().sent("b" * 64, HOST, now - timedelta(days=2))
    assert [kept.at for kept in cache().prune()] == [now - timedelta(days=2)]
    assert [kept.at for kept in cache().prune(unanswered=True)] == [now]


def test_a_file_that_a_killed_process_left_is_swept_away(cache, shops):
    cache().add(shops.cassette)
    stray = cache().folder / "wanx-cache-1" / "aa" / "bb" / "half.val"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a picture")
    cache().prune()
    assert not stray.exists()
    assert len(prompts(cache())) == 3


@pytest.mark.parametrize("damage", [b"", b"not a database, but long enough to be one" * 99, None])
def test_a_database_that_is_damaged_is_thrown_away_with_a_word(cache, shops, damage):
    cache().add(shops.cassette)
    for each in sorted(cache().folder.glob(f"{DATABASE}*")):
        each.unlink() if damage is None else each.write_bytes(damage)
    if damage:
        with pytest.warns(CacheWarning, match="begins anew; fill it .* cache rebuild CASSETTE"):
            assert cache().entries() == []
    else:
        assert cache().entries() == []
    assert cache().add(shops.cassette) == 3
    assert len(prompts(cache())) == 3


def test_a_folder_is_never_emptied_of_what_is_not_the_cache_s(cache, shops):
    beside = cache().folder / "notes.txt"
    beside.parent.mkdir(parents=True)
    beside.write_text("mine")
    cache().add(shops.cassette)
    (cache().folder / DATABASE).write_bytes(b"no database" * 999)
    with pytest.warns(CacheWarning):
        cache().entries()
    assert beside.read_text() == "mine"


def test_a_pickled_value_is_thrown_away_unread(cache, tmp_path):
    loaded = tmp_path / "loaded"

    class Evil:
        def __reduce__(self):
            return (loaded.write_text, ("pwned",))

    key = "c" * 64
    cache().sent(key, HOST, datetime.now(UTC))
    with closing(sqlite3.connect(cache().folder / DATABASE)) as connection, connection:
        changed = "UPDATE Cache SET mode = 4, value = ? WHERE key = ?"
        connection.execute(changed, (pickle.dumps(Evil()), key))
    with pytest.warns(CacheWarning, match="pickled value"):
        assert cache().get(key) is None
    assert not loaded.exists()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"host": 5}', b"\xff", b"[" * 100_000])
def test_an_entry_that_is_none_is_dropped_with_a_word(cache, content):
    key = "d" * 64
    cache()._files.set(key, content, tag=key)
    with pytest.warns(CacheWarning, match="damaged and is dropped"):
        assert cache().get(key) is None
    assert cache().get(key) is None


def test_a_folder_that_cannot_be_used_is_said_with_what_to_do(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StoreError, match="make room or access there, or choose another folder"):
        Cache(tmp_path / "cache").entries()
    with pytest.raises(StoreError), Cache(tmp_path / "cache").turn("0" * 64):
        pass
