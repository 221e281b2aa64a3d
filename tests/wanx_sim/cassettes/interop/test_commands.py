"""`wanx-sim cassette import` and `export`, as they are typed."""

from __future__ import annotations

import sys

import pytest
import yaml
from vcr.serializers import yamlserializer

from wanx_sim import Cassette


@pytest.fixture
def foreign(tape):
    """A recording of vcrpy's: a job, a job without its picture, a refusal, another API."""
    with tape() as shop:
        shop.order("一间花店")
        shop.create("花店", size="1*1")
        shop.client.get(f"{shop.base}/_sim/health")
        shop.order("另一间花店")
    document = yaml.safe_load(shop.path.read_text(encoding="utf-8"))
    del document["interactions"][-1]
    shop.path.write_text(yamlserializer.serialize(document))
    return shop


def test_an_import_says_what_it_did(run, foreign, library):
    code, lines = run("import", foreign.path, "--cassette", library / "shop")
    assert code == 0
    assert lines == [
        f"{foreign.path} (vcr): 2 jobs, 1 other exchange, 1 picture",
        f"  incomplete: {foreign.task_ids[1]}, result 0: the file does not hold it",
        "  skipped 1: not of the text-to-image API",
        f"{library / 'shop.json'}: 3 interactions added",
    ]
    assert len(Cassette.load(library / "shop").jobs) == 2


def test_an_import_into_the_same_cassette_adds_nothing(run, foreign, library):
    run("import", foreign.path, "--cassette", library / "shop")
    _, lines = run("import", foreign.path, "--cassette", library / "shop")
    assert lines[-1] == f"{library / 'shop.json'}: 0 interactions added; 3 there already"


def test_a_dry_run_writes_nothing(run, foreign, library):
    code, lines = run("import", foreign.path, "--cassette", library / "shop", "--dry-run")
    assert (code, lines[-1]) == (0, f"{library / 'shop.json'}: 3 interactions would be added")
    assert not library.exists()


def test_options_reach_the_recorder(run, foreign, library):
    run(
        "import", foreign.path, "--cassette", library / "shop",
        "--format", "vcr", "--pictures", "placeholder", "--redact-prompts",
    )  # fmt: skip
    cassette = Cassette.load(library / "shop")
    assert cassette.jobs[0].images[0].kept == "placeholder"
    assert cassette.jobs[0].request["input"]["prompt"].startswith("sha256:")


@pytest.mark.parametrize(("suffix", "kind"), [("har", "har"), ("yaml", "vcr"), ("yml", "vcr")])
def test_an_export_says_what_it_wrote(run, record, tmp_path, suffix, kind):
    path = tmp_path / f"shop.{suffix}"
    code, lines = run("export", record("一间花店").path, "-o", path)
    assert (code, lines) == (0, [f"{path} ({kind}): 1 job, 5 requests, 1 picture"])
    assert path.exists()


def test_a_format_that_cannot_be_told_is_asked_for(run, record, tmp_path):
    code, lines = run("export", record("一间花店").path, "-o", tmp_path / "shop.txt")
    assert code == 1
    says = "may be of any format: call it .har, .yaml or .yml, or say --format har or vcr"
    assert lines == [f"wanx-sim: {tmp_path / 'shop.txt'} {says}"]
    assert run("export", record().path, "-o", tmp_path / "shop.txt", "--format", "har")[0] == 0


def test_a_cassette_is_not_written_over_by_its_export(run, record):
    path = record("一间花店").path
    before = path.read_bytes()
    code, (line,) = run("export", path, "-o", path, "--format", "har")
    assert (code, line) == (
        1,
        f"wanx-sim: {path} is the cassette itself; give the file another name",
    )
    assert path.read_bytes() == before


def test_trouble_is_one_line(run, tmp_path, library):
    path = tmp_path / "bad.yaml"
    path.write_text("interactions: !!python/object/apply:os.system [ls]")
    code, lines = run("import", path, "--cassette", library / "shop")
    assert code == 1
    tag = "tag:yaml.org,2002:python/object/apply:os.system"
    assert lines == [f"wanx-sim: {path} holds the tag {tag!r}: only plain data is read"]


def test_without_pyyaml_it_says_what_to_install(run, record, tape, library, tmp_path, monkeypatch):
    with tape() as shop:
        shop.create()
    monkeypatch.setitem(sys.modules, "yaml", None)
    for arguments in (
        ("import", shop.path, "--cassette", library / "shop"),
        ("export", record("一间花店").path, "-o", tmp_path / "shop.yaml"),
    ):
        code, lines = run(*arguments)
        assert (code, len(lines)) == (1, 1)
        assert lines[0].endswith("pip install 'wanx-kit[interop]'")
    path = tmp_path / "shop.har"
    assert run("export", record("一间花店").path, "-o", path)[0] == 0
    assert run("import", path, "--cassette", library / "shop")[0] == 0
