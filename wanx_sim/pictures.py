"""The result pictures of tasks, as objects of a bucket: rendered when first asked for."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

import msgspec

from .protocol import links
from .protocol.oss import StoredObject
from .protocol.task import Task
from .rendering import Picture, render
from .stores import Store


def find(store: Store, bucket: str, key: str) -> StoredObject | None:
    """The picture that lies under a key of a bucket, if a task made one."""
    task = store.get(links.task_id_of(key))
    if task is None or task.plan.ended is None or links.BUCKETS[task.region] != bucket:
        return None
    index = task.index_of(key)
    if index is None:
        return None
    picture = picture_of(task, index)
    # Named by what it shows, not by its task: equal requests share one.
    name = sha256(msgspec.json.encode(picture)).hexdigest()
    content = partial(store.picture, name, partial(render, picture))
    return StoredObject(content, task.plan.ended, task.links_cut)


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
