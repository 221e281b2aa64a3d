"""Whatever foreign files hold of keys, signatures and account ids, we write none of it."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from wanx_sim import Cassette, SecretFoundError
from wanx_sim.cassettes import secrets
from wanx_sim.cassettes.interop.exporting import export_file
from wanx_sim.cassettes.interop.importing import import_files

HOST = "https://dashscope.aliyuncs.com"
CREATE = f"{HOST}/api/v1/services/aigc/text2image/image-synthesis"
PNG = b"\x89PNG\r\n\x1a\n and so on"
TOOLS = ["vcrpy", "cassetter"]


def written(folder):
    """All the bytes of a folder, names included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


def clean(content: bytes):
    """What of it is shaped like a secret."""
    return secrets.kinds(content.decode("utf-8", "replace"))


@pytest.mark.parametrize("suffix", ["har", "yaml"])
@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_of_a_recording_s_secrets_comes_along(tape, take_over, library, tool, suffix):
    with tape(tool) as shop:
        shop.order(n=2)
        shop.ask("GET", "/api/v1/tasks?page_no=1")
    source = shop.path.read_text(encoding="utf-8")
    assert "Signature=" in source
    cassette, _ = take_over(shop.path)
    export_file(cassette, library / f"export.{suffix}")
    found = written(library)
    for secret in (b"Signature", b"OSSAccessKeyId", b"LTAI", b"sk-9f8e", b"caller_uid", b"Bearer"):
        assert secret not in found
    text = (library / f"export.{suffix}").read_text(encoding="utf-8")
    assert secrets.kinds(text) == []


def interaction(method, url, body, key, answer, status=200):
    headers = {"authorization": [f"Bearer {key}"], "x-dashscope-async": ["enable"]}
    response = {
        "status": {"code": status, "message": ""},
        "headers": {},
        "body": {"string": answer},
    }
    request = {"method": method, "uri": url, "headers": headers, "body": body}
    return {"request": request, "response": response}


keys = st.from_regex(r"sk-[A-Za-z0-9]{24,40}", fullmatch=True)
signatures = st.from_regex(r"[A-Za-z0-9]{26}%3D", fullmatch=True)
accounts = st.from_regex(r"[1-9][0-9]{15}", fullmatch=True)
mails = st.from_regex(r"[a-z]{3,9}@[a-z]{3,9}\.com", fullmatch=True)


@settings(max_examples=25, deadline=None)
@given(key=keys, signature=signatures, account=accounts, mail=mails)
def test_no_key_signature_or_account_is_in_any_byte(
    tmp_path_factory, key, signature, account, mail
):
    told = f"{key} of {account} ({mail}) may not"
    query = f"Expires=1&OSSAccessKeyId=LTAI{signature[:16]}&Signature={signature}"
    picture = f"https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/a.png?{query}"
    body = json.dumps({"model": "m", "input": {"prompt": "花店", "image": picture}, "u": account})
    created = {"output": {"task_id": "t", "task_status": "PENDING", "owner": account}, "key": key}
    result = {"url": picture, "actual_prompt": f"{told} {picture}"}
    output = {"task_id": "t", "task_status": "SUCCEEDED", "results": [result], "uid": account}
    row = {"task_id": "t", "caller_uid": account, "message": told}
    refusal = {"code": "InvalidApiKey", "message": told, "request_id": "r"}
    tasks = f"{HOST}/api/v1/tasks"
    made = [
        interaction("POST", CREATE, body, key, json.dumps(created)),
        interaction("GET", f"{tasks}/t", None, key, json.dumps(refusal), 429),
        interaction("GET", f"{tasks}/t", None, key, json.dumps({"output": output})),
        interaction("GET", picture, None, key, PNG),
        interaction(
            "GET", f"{tasks}?api_key={key}&u={account}", None, key, json.dumps({"data": [row]})
        ),
        interaction("POST", CREATE, body, key, json.dumps(refusal), 401),
        interaction("POST", CREATE, body, key, f"<html>{told}</html>", 502),
        interaction(
            "POST", CREATE, json.dumps({"input": {"prompt": told}}), key, json.dumps(created)
        ),
    ]
    folder = tmp_path_factory.mktemp("any")
    source = folder / "source.yaml"
    source.write_text(yaml.safe_dump({"version": 1, "interactions": made}), "utf-8")
    cassette = Cassette(folder / "library" / "shop")
    (imported,) = import_files([source], cassette)
    assert (imported.jobs[0].complete, len(imported.exchanges)) == (True, 3)
    for suffix in ("har", "yaml"):
        export_file(Cassette.load(cassette.path), folder / "library" / f"export.{suffix}")
    found = written(folder / "library")
    for secret in (key, signature, account, mail):
        assert secret.encode() not in found
    assert clean(found) == []


def test_a_prompt_with_a_secret_is_skipped_unless_prompts_are_hashed(tape, take_over):
    with tape() as shop:
        shop.order("一间花店 hua.dian@example.com")
        shop.order()
    _, (imported,) = take_over(shop.path, name="one")
    assert [job.task_id for job in imported.jobs] == shop.task_ids[1:]
    why = "; ".join(imported.skipped)
    assert "shaped like a secret" in why
    assert "--redact-prompts" in why
    cassette, (imported,) = take_over(shop.path, name="two", redact_prompts=True)
    assert len(cassette.jobs) == 2
    assert b"example.com" not in cassette.path.read_bytes()


def test_a_cassette_with_a_secret_is_not_exported(record, tmp_path):
    recording = record("一间花店", seed=9)
    text = recording.path.read_text(encoding="utf-8")
    bad = recording.path.with_name("bad.json")
    bad.write_text(text.replace("一间花店", "sk-0123456789abcdef0123456789abcdef"), "utf-8")
    with pytest.raises(SecretFoundError, match=r"nothing was written to .*shop.har: ") as raised:
        export_file(Cassette.load(bad), tmp_path / "shop.har")
    assert "0123456789abcdef" not in str(raised.value)
    assert not (tmp_path / "shop.har").exists()
