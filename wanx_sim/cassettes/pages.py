"""The task list of jobs that are replayed: the service's page, its filters and its order."""

from __future__ import annotations

from ..protocol import listing
from ..protocol.catalogue import Region
from ..protocol.lifecycle import RETENTION, Status
from .format import Json
from .playing import Pace, Playing

_CN = {Region.BEIJING: "cn-beijing", Region.SINGAPORE: "ap-southeast-1"}


def row(playing: Playing, region: Region, now: float, pace: Pace) -> Json:
    """One task's row; the account's ids are invented, as the simulator's are."""
    model = str(playing.job.request.get("model") or "")
    status = playing.status(now, pace)
    found: Json = {"api_key_id": "10000", "caller_parent_id": "1" + "0" * 15}
    found["caller_uid"] = found["caller_parent_id"]
    if status.terminal:
        found["end_time"] = int((playing.canceled or playing.ended or now) * 1000)
    found |= {"gmt_create": int(playing.started * 1000), "model_name": model}
    found |= {"region": _CN[region], "request_id": playing.job.created.get("request_id", "")}
    if status not in (Status.PENDING, Status.CANCELED):
        found["start_time"] = int(playing.started * 1000)
    unique = f"apikey:v1:aigc:text2image:image-synthesis:{model}"
    return found | {
        "status": status,
        "task_id": playing.job.task_id,
        "user_api_unique_key": unique,
    }


def admitted(row: Json, wanted: listing.Filter, now: float) -> bool:
    """Whether a row belongs in the list that is asked for."""
    created = row["gmt_create"] / 1000
    return (
        now < created + RETENTION
        and wanted.start <= created <= wanted.end
        and wanted.task_id in (None, row["task_id"])
        and wanted.model in (None, row["model_name"])
        and wanted.status in (None, row["status"])
    )


def page(rows: list[Json], wanted: listing.Filter, request_id: str) -> Json:
    """One page of rows, the newest first, in the observed key order."""
    rows = sorted(rows, key=lambda row: row["gmt_create"], reverse=True)
    first = (wanted.page - 1) * wanted.size
    return {
        "total": len(rows),
        "data": rows[first : first + wanted.size],
        "total_page": -(-len(rows) // wanted.size),
        "page_no": wanted.page,
        "request_id": request_id,
        "page_size": wanted.size,
    }
