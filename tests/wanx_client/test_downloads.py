"""Pictures into files."""

import gzip

import httpx
import pytest

from wanx_client import (
    ConnectionFailedError,
    ExpiredUrlError,
    Image,
    ImageFailure,
    ResponseFormatError,
    ServiceError,
    Task,
    TaskFailedError,
    TaskNotFinishedError,
    TaskStatus,
    TaskUnknownError,
)
from wanx_client.downloads import save, target_paths

PNG = b"\x89PNG\r\n\x1a\n and the rest of a small picture"


def task_with(*urls, task_id="t-1"):
    images = tuple(Image(index=index, url=url) for index, url in enumerate(urls))
    return Task(id=task_id, status=TaskStatus.SUCCEEDED, images=images)


def names(task, tmp_path):
    return [path.relative_to(tmp_path).as_posix() for _, path in target_paths(task, tmp_path)]


def test_a_file_is_named_as_its_url(tmp_path):
    task = task_with("https://h/1d/d4/20251028/c7299bde-3e3d881017700.png?Expires=1&Signature=x")
    assert names(task, tmp_path) == ["c7299bde-3e3d881017700.png"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/..",
        "/%2e%2e",
        "/..%2f..%2fetc%2fpasswd.png",
        "/..%5c..%5cevil.png",
        "/%2fetc%2fevil.png",
        "/.bashrc",
        "/.hidden.png",
        "/evil.py",
        "/a%00.png",
        "/a%0a.png",
        "/C:evil.png",
        "/" + "a" * 300 + ".png",
    ],
)
def test_a_name_that_is_no_plain_picture_name_is_replaced(path, tmp_path):
    assert names(task_with(f"https://h{path}?Signature=x"), tmp_path) == ["t-1-0.png"]


def test_a_hostile_task_id_leads_nowhere_either(tmp_path):
    assert names(task_with("https://h/", task_id="../../x"), tmp_path) == ["______x-0.png"]


def test_two_urls_that_end_alike_give_two_files(tmp_path):
    task = task_with("https://h/a/one.png", "https://h/b/one.png", "https://h/b/ONE.png")
    assert names(task, tmp_path) == ["one.png", "t-1-1.png", "t-1-2.png"]


def test_a_file_is_written_whole(tmp_path):
    assert save(PNG, tmp_path / "deep" / "er" / "a.png").read_bytes() == PNG
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["a.png"]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError, match=r"a\.png"):
        save(PNG, tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_every_good_image_is_saved_and_the_failed_are_skipped(connect, script, answer, tmp_path):
    task = task_with("https://h/one.png", "https://h/two.png")
    failure = ImageFailure(index=2, code="InternalError.Timeout", message="m")
    task = Task(id="t-1", status=TaskStatus.SUCCEEDED, images=(*task.images, failure))
    host = script(answer.picture(b"1"), answer.picture(b"2"))
    paths = connect(host).download(task, tmp_path / "out")
    assert paths == [tmp_path / "out" / "one.png", tmp_path / "out" / "two.png"]
    assert [path.read_bytes() for path in paths] == [b"1", b"2"]


def test_a_task_may_be_named_by_its_id(connect, script, answer, tmp_path):
    service = script(answer.succeeded("one.png"), answer.picture())
    assert connect(service).download("t-1", str(tmp_path)) == [tmp_path / "one.png"]


def test_the_image_host_gets_neither_the_key_nor_a_content_type(connect, script, answer, tmp_path):
    host = script(answer.picture())
    connect(host, workspace="llm-1").download(task_with("https://h/one.png?Signature=a"), tmp_path)
    [request] = host.requests
    assert set(request.headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"}
    assert request.headers["accept-encoding"] == "identity"


def test_the_signature_reaches_the_image_host_as_it_was_given(connect, script, answer, tmp_path):
    host = script(answer.picture())
    url = "https://h/1d/one.png?Expires=1&OSSAccessKeyId=LTAI5t&Signature=x6t7%2BDRn%2F1Ps%3D"
    connect(host).download(task_with(url), tmp_path)
    assert host.requests[0].url.raw_path == url.removeprefix("https://h").encode()


def test_a_picture_cut_short_is_fetched_again(connect, script, answer, tmp_path, pauses):
    host = script(answer.picture(PNG[:5], Content_Length=str(len(PNG))), answer.picture())
    [path] = connect(host).download(task_with("https://h/one.png"), tmp_path)
    assert path.read_bytes() == PNG
    assert pauses == [0.5]


@pytest.mark.parametrize("content", [b"", PNG[:5]])
def test_a_picture_that_stays_cut_short_is_not_kept(content, connect, script, answer, tmp_path):
    host = script(answer.picture(content, Content_Length=str(len(PNG))))
    with pytest.raises(ConnectionFailedError, match="cut short"):
        connect(host).download(task_with("https://h/one.png?Signature=x"), tmp_path)
    assert len(host.requests) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_was_compressed_on_its_way_is_whole(connect, script, answer, tmp_path):
    packed = gzip.compress(PNG)
    host = script(answer.picture(packed, Content_Length=str(len(packed)), Content_Encoding="gzip"))
    [path] = connect(host).download(task_with("https://h/one.png"), tmp_path)
    assert path.read_bytes() == PNG


def test_an_empty_picture_is_none(connect, script, answer, tmp_path):
    with pytest.raises(ConnectionFailedError):
        connect(script(answer.picture(b"")), retries=0).download(
            task_with("https://h/one.png"), tmp_path
        )


def test_a_login_page_is_not_saved_as_a_picture(connect, script, answer, tmp_path):
    with pytest.raises(ResponseFormatError):
        connect(script(answer.page(200)), retries=1).download(
            task_with("https://h/1.png"), tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_an_expired_url_says_so_without_its_signature(connect, script, answer, tmp_path):
    host = script(answer.expired)
    with pytest.raises(ExpiredUrlError, match="24 hours") as caught:
        connect(host).download(task_with("https://h/one.png?Signature=s3cret"), tmp_path)
    assert caught.value.url == "https://h/one.png"
    assert "s3cret" not in str(caught.value)
    assert (caught.value.code, caught.value.http_status) == ("AccessDenied", 403)
    assert (caught.value.task_id, caught.value.request_id) == ("t-1", "67A0")
    assert len(host.requests) == 1


def test_another_refusal_of_the_image_host_is_a_service_error(connect, script, answer, tmp_path):
    host = script(answer.oss_error(403, "SignatureDoesNotMatch", "The request signature differs."))
    with pytest.raises(ServiceError, match="signature differs") as caught:
        connect(host).download(task_with("https://h/one.png"), tmp_path)
    assert caught.value.code == "SignatureDoesNotMatch"
    assert len(host.requests) == 1


def test_a_failing_image_host_is_asked_again(connect, script, answer, tmp_path, pauses):
    host = script(answer.page(503), httpx.ReadError("gone"), answer.picture())
    assert connect(host).download(task_with("https://h/one.png"), tmp_path)
    assert pauses == [0.5, 1]


def test_a_redirect_of_the_image_host_is_not_followed(connect, script, tmp_path):
    host = script(lambda: httpx.Response(302, headers={"Location": "http://10.0.0.1/"}))
    with pytest.raises(ServiceError, match="HTTP 302"):
        connect(host).download(task_with("https://h/one.png"), tmp_path)
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://h/1.png",
        "1.png",
        "https://me:pw@h/1.png",
        "http://h:port/1.png",
    ],
)
def test_what_is_no_plain_url_is_not_asked_for(url, connect, script, answer, tmp_path):
    host = script(answer.picture())
    with pytest.raises(ResponseFormatError):
        connect(host).download(task_with(url), tmp_path)
    assert host.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("PENDING", TaskNotFinishedError),
        ("RUNNING", TaskNotFinishedError),
        ("FAILED", TaskFailedError),
        ("UNKNOWN", TaskUnknownError),
    ],
)
def test_a_task_without_pictures_says_why(status, kind, connect, script, answer, tmp_path):
    task = Task(id="t-1", status=TaskStatus(status))
    with pytest.raises(kind) as caught:
        connect(script(answer.picture())).download(task, tmp_path)
    assert caught.value.task is task


def test_a_file_of_the_same_name_is_replaced(connect, script, answer, tmp_path):
    (tmp_path / "one.png").write_bytes(b"old")
    connect(script(answer.picture())).download(task_with("https://h/one.png"), tmp_path)
    assert (tmp_path / "one.png").read_bytes() == PNG


def test_a_directory_that_cannot_be_written_is_an_os_error(connect, script, answer, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        connect(script(answer.picture())).download(task_with("https://h/1.png"), tmp_path / "file")
