"""What every board does: records that are swapped, journals that are merged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wanx_sim.errors import StoreError
from wanx_sim.journal import LIMIT
from wanx_sim.sharing import folder
from wanx_sim.sharing.board import CONTROLS, change

SCOPES = ["", "one", ".", "..", "x" * 64, "A"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("name", [CONTROLS, "create [[throttle:2]] 花"])
def test_a_record_is_what_was_written_last(open_board, scope, name):
    (_, one), (_, other) = open_board(), open_board()
    assert one.read(scope, name) is None
    assert one.swap(scope, name, None, b"1")
    assert other.swap(scope, name, b"1", b"2" * 200_000)
    assert one.read(scope, name) == other.read(scope, name) == b"2" * 200_000


def test_a_record_that_has_changed_is_not_written(board):
    assert not board.swap("", CONTROLS, b"0", b"1")
    board.swap("", CONTROLS, None, b"1")
    assert not board.swap("", CONTROLS, None, b"2")
    assert not board.swap("", CONTROLS, b"0", b"2")
    assert board.read("") == b"1"


def test_scopes_know_nothing_of_each_other(board):
    for scope in SCOPES:
        board.swap(scope, CONTROLS, None, scope.encode() + b"!")
        board.note(scope, scope.encode())
    assert [board.read(scope) for scope in SCOPES] == [s.encode() + b"!" for s in SCOPES]
    assert [board.noted(scope) for scope in SCOPES] == [[s.encode()] for s in SCOPES]
    # On a file system that takes capitals for small letters, too.
    assert board.read("a") is None


def test_no_change_of_many_is_lost(open_board):
    boards = [open_board()[1] for _ in range(4)]

    def count(board):
        for _ in range(50):
            change(board, "", "count", lambda old: str(int(old or 0) + 1).encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, boards))
    assert boards[0].read("", "count") == b"200"


def test_a_change_of_nothing_writes_nothing(board, monkeypatch):
    monkeypatch.setattr(board, "swap", lambda *_: pytest.fail("it writes"))
    assert change(board, "", "count", lambda old: old) is None


def test_a_journal_has_the_entries_of_all_processes_in_their_order(open_board):
    (_, one), (_, other) = open_board(), open_board()
    for number in range(20):
        (one, other)[number % 2].note("", str(number).encode())
    assert one.noted("") == other.noted("") == [str(number).encode() for number in range(20)]
    assert one.count("") == 20


def test_a_journal_keeps_the_newest(board):
    for number in range(LIMIT + 50):
        board.note("", str(number).encode())
    noted = board.noted("")
    assert (len(noted), board.count("")) == (LIMIT, LIMIT)
    assert (noted[0], noted[-1]) == (b"50", str(LIMIT + 49).encode())


def test_what_is_forgotten_is_the_journal_and_the_counts(open_board):
    (_, one), (_, other) = open_board(), open_board()
    for board in (one, other):
        board.note("one", b"entry")
    one.swap("one", CONTROLS, None, b"record")
    one.swap("one", "count", None, b"1")
    other.forget("one")
    assert (one.noted("one"), one.read("one", "count"), one.read("one")) == ([], None, b"record")
    for board in (one, other):
        board.note("one", b"later")
    assert one.noted("one") == [b"later", b"later"]


def test_what_is_dropped_is_everything(open_board, make_task):
    (store, one), (_, other) = open_board(), open_board()
    tasks = one.store("one", "born", store)
    tasks.add(make_task())
    one.swap("one", CONTROLS, None, b"record")
    one.note("one", b"entry")
    other.drop("one", "born")
    assert (one.read("one"), one.noted("one"), one.scopes()) == (None, [], [])
    tasks.close()
    again = one.store("one", "born", store)
    assert again.count() == 0
    again.close()


def test_the_session_used_last_comes_last(board):
    for scope in ("", "one", "two"):
        board.swap(scope, CONTROLS, None, b"record")
    assert board.scopes() == ["one", "two"]
    board.note("one", b"entry")
    board.note("", b"entry")
    assert board.scopes() == ["two", "one"]


def test_a_session_s_pictures_are_those_of_all(open_board):
    store, board = open_board()
    tasks = board.store("one", "born", store)
    assert tasks.picture("key", lambda: b"picture") == b"picture"
    assert store.picture("key", lambda: pytest.fail("it is there")) == b"picture"
    tasks.close()


# --- a folder -------------------------------------------------------------------------------------


def test_an_entry_that_is_only_half_written_is_not_read(tmp_path):
    board = folder.Folder(tmp_path)
    board.note("", b"whole")
    (path,) = tmp_path.glob("scope-/journal-*")
    with path.open("ab") as file:
        file.write(path.read_bytes()[:-1])
    assert board.noted("") == [b"whole"]
    board.close()


def test_a_folder_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"what the workers share in .* cannot be used"):
        folder.Folder(tmp_path / "file" / "board")


def test_a_folder_of_its_own_ends_with_its_board(tmp_path):
    board = folder.Folder(tmp_path / "board", own=True)
    board.note("", b"entry")
    board.close()
    assert not (tmp_path / "board").exists()


def test_few_journals_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_OPEN", 2)
    board = folder.Folder(tmp_path)
    for number in range(6):
        board.note(f"s{number % 3}", str(number).encode())
    assert [board.noted(f"s{number}") for number in range(3)] == [
        [b"0", b"3"],
        [b"1", b"4"],
        [b"2", b"5"],
    ]
    assert len(board._logs) == 2
    board.close()
