"""The values that the client returns."""

import dataclasses

import pytest

from wanx_client import Image, ImageFailure, Task, TaskStatus


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "CANCELED", "UNKNOWN"])
def test_a_status_that_will_not_change_is_terminal(status):
    assert TaskStatus(status).terminal


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_status_that_will_change_is_not_terminal(status):
    assert not TaskStatus(status).terminal


def test_a_status_is_its_name():
    assert TaskStatus.PENDING == "PENDING"
    assert f"{TaskStatus.PENDING}" == "PENDING"


def test_the_repr_of_an_image_has_no_signature():
    image = Image(index=0, url="https://host/one.png?Expires=1&Signature=secret")
    assert repr(image) == "Image(index=0, url='https://host/one.png')"
    assert "secret" not in repr(Task(id="t", status=TaskStatus.SUCCEEDED, images=(image,)))


def test_good_and_failed_images_keep_their_places():
    good = Image(index=0, url="https://host/one.png")
    bad = ImageFailure(index=1, code="InternalError.Timeout", message="…")
    task = Task(id="t", status=TaskStatus.SUCCEEDED, images=(good, bad))
    assert task.good_images == (good,)
    assert task.failed_images == (bad,)


def test_a_task_does_not_change():
    task = Task(id="t", status=TaskStatus.PENDING)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.status = TaskStatus.RUNNING
