"""The result pictures of tasks, as objects of a bucket: rendered when first asked for."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from .faults.fault import PictureTrouble
from .protocol import links
from .protocol.oss import Find, StoredObject
from .protocol.task import Task
from .rendering import Picture, render
from .stores import Store


def find(store: Store, bucket: str, key: str) -> StoredObject | None:
    """The picture that lies under a key of a bucket, if a task made one."""
    task = store.get(links.task_id_of(key))
    if task is None or task.plan.ended is None or bucket not in links.buckets(task.region):
        return None
    index = task.index_of(key)
    if index is None:
        return None
    return StoredObject(partial(content, store, task, index), task.plan.ended, task.links_cut)


def content(store: Store, task: Task, index: int) -> bytes:
    """The PNG of one image of a task."""
    picture = picture_of(task, index)
    # Named by what it shows, not by its task: equal requests share one.
    name = sha256(msgspec.json.encode(picture)).hexdigest()
    return store.picture(name, partial(render, picture))


def picture_of(task: Task, index: int) -> Picture:
    """What one image of a task shows."""
    order = task.order
    return Picture(
        model=order.model,
        prompt=order.used_prompt,
        seed=task.seed_of(index),
        width=order.width,
        height=order.height,
        index=index,
        watermark=order.watermark,
    )


def troubled(find: Find, trouble: PictureTrouble) -> Find:
    """The same bucket, with something wrong about what is found in it."""

    def find_troubled(bucket: str, key: str) -> StoredObject | None:
        found = find(bucket, key)
        if found is None or trouble == "missing":
            return None
        if trouble == "expired":
            return replace(found, links_cut=True)
        damage = _truncated if trouble == "truncated" else _corrupted
        return replace(found, content=lambda: damage(found.content()))

    return find_troubled


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _corrupted(content: bytes) -> bytes:
    """The bytes with some in the middle turned over: the header still reads as a PNG's."""
    middle = len(content) // 2
    wrong = bytes(byte ^ 0xFF for byte in content[middle : middle + 16])
    return content[:middle] + wrong + content[middle + 16 :]
