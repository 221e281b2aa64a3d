"""The scanner: what is shaped like a secret is never saved."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from wanx_sim import Player, Recorder, SecretFoundError, Simulator
from wanx_sim.cassettes import secrets

SECRETS = {
    "key": "sk-0123456789abcdef0123456789abcdef",
    "signature": "Signature=abc%2Bdef",
    "account id": "1234567890123456",
    "e-mail address": "hua.dian@example.com",
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
def test_a_prompt_with_a_secret_is_refused_before_it_is_bought(
    recorder, talk, sim, library, kind, secret
):
    with pytest.raises(
        SecretFoundError, match=f"input.prompt holds what looks like an? {kind}"
    ) as e:
        talk(recorder).create(f"花店 {secret}")
    assert secret not in str(e.value)
    assert sim.ledger.tasks == 0
    assert not library.exists()


@pytest.mark.parametrize("secret", SECRETS.values())
def test_a_secret_is_masked_wherever_it_stands_in_a_text(secret):
    masked = secrets.mask(f"花店 {secret}，木门，花店{secret}。")
    assert secret not in masked
    assert list(secrets.find({"a": [f"x {secret}"]})) != []
    assert list(secrets.find({"a": [masked]})) == []


@pytest.mark.parametrize("text", ["花店 2025", "a1b2-4444-4444", "sk-", "1" * 15, "1" * 17, "a@b"])
def test_what_only_resembles_a_secret_is_let_through(text):
    assert secrets.kinds(text) == []


def test_hashed_prompts_are_written_nowhere_and_match(sim, clock, talk, library):
    recorder = Recorder(sim, library / "hidden", clock=clock, redact_prompts=True)
    secret = f"花店 {SECRETS['e-mail address']}"
    recorded = talk(recorder).job(secret)
    assert "花店" not in recorder.cassette.path.read_text(encoding="utf-8")
    client = talk(Player(library / "hidden"))
    output = client.job(secret)
    assert output["results"][0]["orig_prompt"] == secret == recorded["results"][0]["orig_prompt"]


@settings(max_examples=15, deadline=None)
@given(key=st.from_regex(r"sk-[A-Za-z0-9]{24,40}", fullmatch=True))
def test_no_key_signature_or_account_is_in_any_file_written(tmp_path_factory, key):
    folder = tmp_path_factory.mktemp("library")
    recorder = Recorder(Simulator(), folder / "any")
    base = "https://dashscope.aliyuncs.com/api/v1"
    headers = {"authorization": f"Bearer {key}", "x-dashscope-async": "enable"}
    body = {"model": "wan2.2-t2i-flash", "input": {"prompt": "花店"}, "parameters": {"n": 1}}
    with httpx.Client(transport=recorder.transport(), headers=headers) as client:
        path = "/services/aigc/text2image/image-synthesis"
        task_id = client.post(base + path, json=body).json()["output"]["task_id"]
        for _ in range(3):
            answer = client.get(f"{base}/tasks/{task_id}")
        client.get(f"{base}/tasks")
    assert "Signature=" in answer.text
    written = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for secret in (key, "Signature=", "OSSAccessKeyId", "caller_uid", "api_key_id"):
        assert secret.encode() not in written
