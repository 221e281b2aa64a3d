"""Scrub: what is taken out of our files and of other tools', and what stays as it was."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from wanx_sim import Cassette, CassetteError, Player
from wanx_sim.cassettes.foreign import scrub as scrub_text
from wanx_sim.cassettes.scrubbing import files, scrub
from wanx_sim.cassettes.verifying import verify

KEY = "sk-0123456789abcdef0123456789abcdef"
MAIL = "hua.dian@example.com"
ACCOUNT = "1234567890123456"
LINK = "https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/a.png?Expires=1&OSSAccessKeyId=LTAI5tabcdefghijkl&Signature=aB%2Bc%3D"


@pytest.fixture
def shop(record):
    return record("花店").path


def edit(path, change):
    document = json.loads(path.read_bytes())
    change(document["interactions"][0], document)
    path.write_text(json.dumps(document, ensure_ascii=False))


# --- our own --------------------------------------------------------------------------------------


def test_a_cassette_that_is_clean_is_not_written(shop):
    before = (shop.read_bytes(), shop.stat().st_mtime_ns)
    done = scrub(shop)
    assert (done.found, done.changed) == ([], False)
    assert (shop.read_bytes(), shop.stat().st_mtime_ns) == before


def test_a_cassette_that_was_only_formatted_otherwise_is_not_written(shop):
    shop.write_text(json.dumps(json.loads(shop.read_bytes()), sort_keys=True))
    before = shop.read_bytes()
    assert scrub(shop).changed is False
    assert shop.read_bytes() == before


def test_what_the_whitelist_does_not_know_goes(shop):
    def change(job, document):
        document["note"] = KEY
        job["created"]["output"]["api_key_id"] = "10000"
        job["states"][2]["body"]["output"]["results"][0]["url"] = LINK
        job["headers"] = {"authorization": f"Bearer {KEY}"}

    clean = shop.read_bytes()
    edit(shop, change)
    done = scrub(shop)
    assert {kind for _, kind in done.found} == {"key", "signature"}
    assert shop.read_bytes() == clean


def test_a_prompt_with_a_secret_becomes_a_hash_and_still_replays(shop, talk):
    def change(job, _):
        job["request"]["input"]["prompt"] += MAIL
        job["states"][2]["body"]["output"]["results"][0]["orig_prompt"] += MAIL

    edit(shop, change)
    assert {kind for _, kind in scrub(shop).found} == {"e-mail address"}
    assert MAIL not in shop.read_text()
    assert verify(shop) == []
    output = talk(Player(shop)).job(f"花店{MAIL}")
    assert output["results"][0]["orig_prompt"] == f"花店{MAIL}"


def test_other_texts_are_masked(shop):
    edit(shop, lambda job, _: job.update(trouble=f"could not fetch {LINK}", complete=False))
    scrub(shop)
    assert Cassette.load(shop).jobs[0].trouble == (
        "could not fetch https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/1d/a.png"
        "?Expires=1&OSSAccessKeyId=[key]&[signature]"
    )


def test_what_cannot_be_masked_is_left_and_said(shop):
    edit(shop, lambda job, _: job["request"]["parameters"].update(account=int(ACCOUNT)))
    before = shop.read_bytes()
    with pytest.raises(CassetteError, match="cannot be scrubbed: its requests hold 1 × account id"):
        scrub(shop)
    assert shop.read_bytes() == before


def test_a_check_writes_nothing(shop):
    edit(shop, lambda _, document: document.update(note=KEY))
    before = shop.read_bytes()
    assert scrub(shop, check=True).changed
    assert shop.read_bytes() == before


# --- other tools' ---------------------------------------------------------------------------------

HAR = {
    "log": {
        "entries": [
            {
                "request": {
                    "url": LINK,
                    "headers": [
                        {"name": "Authorization", "value": "Basic aHVhOmRpYW4="},
                        {"name": "accept", "value": "*/*"},
                        {"value": 'acw_tc=0a; x="1"', "name": "Cookie"},
                    ],
                    "cookies": [{"name": "acw_tc", "value": "0a[b]"}],
                    "queryString": [{"name": "page_no", "value": "1"}],
                },
                "response": {
                    "content": {"text": json.dumps({"url": LINK, "caller_uid": ACCOUNT, "to": MAIL})},
                    "headers": [{"name": "set-cookie", "value": "acw_tc=0a"}],
                    "account": int(ACCOUNT),
                },
            }
        ]
    }
}  # fmt: skip


def test_a_har_keeps_everything_but_its_secrets():
    text, found = scrub_text(json.dumps(HAR, indent=2))
    entry = json.loads(text)["log"]["entries"][0]
    assert entry["request"]["headers"] == [
        {"name": "Authorization", "value": "REDACTED"},
        {"name": "accept", "value": "*/*"},
        {"value": "REDACTED", "name": "Cookie"},
    ]
    assert entry["request"]["cookies"] == [{"name": "acw_tc", "value": "REDACTED"}]
    assert entry["request"]["queryString"] == [{"name": "page_no", "value": "1"}]
    assert entry["response"]["headers"][0]["value"] == "REDACTED"
    assert entry["response"]["account"] == 0
    body = json.loads(entry["response"]["content"]["text"])
    assert body == {"url": entry["request"]["url"], "caller_uid": "REDACTED", "to": "REDACTED"}
    assert entry["request"]["url"].endswith("?Expires=1&OSSAccessKeyId=REDACTED&Signature=REDACTED")
    assert {kind for _, kind in found} == {
        "header", "cookie", "key", "signature", "account id", "e-mail address"
    }  # fmt: skip
    lines = json.dumps(HAR, indent=2).splitlines()
    assert all(
        "aHVhOmRpYW4" in "".join(lines[number - 1 : number + 1])
        for number, kind in found[:2]
        if kind == "header"
    )


VCR = f"""\
interactions:
- request:
    body: '{{"model": "wan2.2-t2i-flash"}}'
    headers:
      Authorization:
      - Bearer {KEY}
      accept:
      - '*/*'
      Cookie:
        - 'acw_tc=0a; a very long one
          that goes on'
        - second=1
    method: POST
    uri: {LINK}
  response:
    body:
      string: '{{"request_id":"1","account":"{ACCOUNT}"}}'
    headers:
      set-cookie: acw_tc=0a;path=/
      content-length:
      - '12'
    status: {{code: 200, message: OK}}
version: 1
"""


def test_vcr_s_yaml_keeps_everything_but_its_secrets():
    text, found = scrub_text(VCR, yaml=True)
    (recorded,) = yaml.safe_load(text)["interactions"]
    assert recorded["request"]["headers"] == {
        "Authorization": ["REDACTED"],
        "accept": ["*/*"],
        "Cookie": ["REDACTED", "REDACTED"],
    }
    assert recorded["response"]["headers"] == {"set-cookie": "REDACTED", "content-length": ["12"]}
    assert recorded["response"]["body"]["string"] == '{"request_id":"1","account":"REDACTED"}'
    assert recorded["response"]["status"] == {"code": 200, "message": "OK"}
    assert recorded["request"]["uri"].endswith(
        "?Expires=1&OSSAccessKeyId=REDACTED&Signature=REDACTED"
    )
    lines = VCR.splitlines()
    where = {number: lines[number - 1] for number, kind in found if kind == "header"}
    assert [line.strip()[:8] for line in where.values()] == [
        "- Bearer", "- 'acw_t", "- second", "set-cook"
    ]  # fmt: skip


CASSETTE_IN_JSON = {
    "headers": {"authorization": ["Basic x"], "Set-Cookie": "a=[1]", "accept": ["*/*"]}
}


def test_headers_that_are_a_mapping_in_json_lose_their_values():
    text, _ = scrub_text(json.dumps(CASSETTE_IN_JSON))
    assert json.loads(text)["headers"] == {
        "authorization": ["REDACTED"],
        "Set-Cookie": "REDACTED",
        "accept": ["*/*"],
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"curl -H 'Authorization: Bearer {KEY}' x", "curl -H 'Authorization: Bearer REDACTED' x"),
        (f"key={KEY}\r\nmail: {MAIL}\r\n", "key=REDACTED\r\nmail: REDACTED\r\n"),
        ("Authorization: Basic eA==\n  at once\n", "Authorization: REDACTED\n  at once\n"),
        (f"account {ACCOUNT}", "account REDACTED"),
        ("0.1234567890123456", "0.1234567890123456"),
        ("", ""),
    ],
)
def test_any_text_keeps_its_lines_and_their_ends(text, clean):
    assert scrub_text(text)[0] == clean


def test_many_letters_are_no_work():
    """At each of them an address might begin: a scan that tries them all takes hours."""
    text, found = scrub_text("a" * 2_000_000 + "." + "@" * 100_000 + "a.b" * 100_000)
    assert found == []
    assert len(text) == 2_400_001


secret = st.sampled_from([KEY, MAIL, ACCOUNT, LINK, f"Bearer {KEY}", "sk-" + "x" * 20])
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
words = st.lists(plain | secret, max_size=4).map(" ".join)
names = st.sampled_from(["Cookie", "authorization", "accept"])
headers = st.dictionaries(names, words | st.lists(words, max_size=3))
documents = st.recursive(
    words | headers | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(documents, st.sampled_from([None, 1]))
def test_json_stays_json_without_a_secret_and_scrubbing_again_finds_nothing(document, indent):
    text, _ = scrub_text(json.dumps(document, indent=indent, ensure_ascii=False))
    json.loads(text)
    assert [part for part in (KEY, MAIL, "Signature=aB") if part in text] == []
    assert scrub_text(text) == (text, [])


@settings(max_examples=200, deadline=None)
@given(documents)
def test_yaml_stays_yaml_of_the_same_keys(document):
    text = yaml.safe_dump({"a": document}, allow_unicode=True)
    clean, _ = scrub_text(text, yaml=True)
    yaml.safe_load(clean)
    assert [part for part in (KEY, MAIL) if part in clean] == []


def test_a_file_is_scrubbed_in_place_or_elsewhere(tmp_path):
    har = tmp_path / "log.har"
    har.write_text(json.dumps(HAR))
    done = scrub(har, tmp_path / "clean.har")
    assert done.changed
    assert har.read_text() == json.dumps(HAR)
    scrub(har)
    assert har.read_bytes() == (tmp_path / "clean.har").read_bytes()
    assert scrub(har).found == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.har", "log.har"]


@pytest.mark.parametrize("content", [b"\xff\xfe", bytes(range(256))])
def test_what_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "log.har").write_bytes(content)
    with pytest.raises(CassetteError, match="is no text in UTF-8"):
        scrub(tmp_path / "log.har")
    assert (tmp_path / "log.har").read_bytes() == content


def test_a_link_is_not_written_through(tmp_path):
    (tmp_path / "secret").write_text(KEY)
    (tmp_path / "log.har").symlink_to(tmp_path / "secret")
    with pytest.raises(CassetteError, match="is a link"):
        scrub(tmp_path / "log.har")
    assert (tmp_path / "secret").read_text() == KEY


def test_of_a_folder_cassettes_har_and_yaml_are_scrubbed(shop, tmp_path):
    for name in ("a.har", "b.yaml", "c/d.yml", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [path.name for path in files([tmp_path, shop])] == [
        "a.har",
        "b.yaml",
        "d.yml",
        "flower-shop.json",
    ]
