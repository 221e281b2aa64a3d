"""``python postcard.py 雪地，白色小教堂，极光``: one picture, saved as postcard.png."""

import os
import sys
import time
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

BEIJING = "https://dashscope.aliyuncs.com/api/v1"
TRANSIENT = (429, 500, 502, 503, 504)
LOST = "没有收到应答：任务也许已经建立并计费。请先到控制台查看，再决定要不要重来。"


def retries() -> Retry:
    """What is repeated by itself: reading, at 0, 2, 4, 8 … seconds. A POST is an order: never."""
    return Retry(total=6, backoff_factor=1, status_forcelist=TRANSIENT, allowed_methods={"GET"})


def connected() -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ['DASHSCOPE_API_KEY']}"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries()))
    return session


def order(session: requests.Session, base: str, prompt: str) -> str:
    """Create a task of one picture; its id."""
    for pause in (1, 2, 4, 8, 0):
        answer = ask_for(session, base, prompt)
        if answer.status_code != 429:
            break
        time.sleep(pause)  # throttled, so surely not accepted: this may be sent again
    if answer.status_code >= 500:
        sys.exit(LOST)
    answer.raise_for_status()
    return answer.json()["output"]["task_id"]


def ask_for(session: requests.Session, base: str, prompt: str) -> requests.Response:
    try:
        return session.post(
            f"{base}/services/aigc/text2image/image-synthesis",
            headers={"X-DashScope-Async": "enable"},
            json={
                "model": "wan2.2-t2i-plus",
                "input": {"prompt": prompt},
                "parameters": {"size": "1440*960", "n": 1},
            },
            timeout=60,
        )
    except (requests.ConnectionError, requests.Timeout):
        sys.exit(LOST)


def wait(session: requests.Session, base: str, task_id: str) -> str:
    """Poll a task to its end; the link to its picture."""
    for _ in range(60):  # ten minutes; one or two are usual
        answer = session.get(f"{base}/tasks/{task_id}", timeout=60)
        answer.raise_for_status()
        output = answer.json()["output"]
        if output["task_status"] == "SUCCEEDED":
            return output["results"][0]["url"]
        if output["task_status"] not in {"PENDING", "RUNNING"}:
            sys.exit(f"没画成：{output.get('message', output['task_status'])}")
        time.sleep(10)
    sys.exit(f"等了十分钟还没画完，稍后再查：{task_id}")


def main(prompt: str, path: Path = Path("postcard.png")) -> None:
    base = os.environ.get("DASHSCOPE_HTTP_BASE_URL", BEIJING)
    with connected() as session:
        link = wait(session, base, order(session, base, prompt))
    picture = requests.get(link, timeout=60)  # without the session's key: the link is signed
    picture.raise_for_status()
    path.write_bytes(picture.content)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
