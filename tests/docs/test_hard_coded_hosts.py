"""The page on clients whose host is hard-coded: each of its programs is run, as it stands.

Each asks for the real service's host. That it met the simulator, and nothing else, is what the
simulator's journal shows; the proxy can connect to nowhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from wanx_sim import CertificateAuthority, Simulator

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("hard-coded-hosts.md", "hard-coded-hosts.zh-CN.md")
_SECTION = re.compile(r"^##+ .*$", re.MULTILINE)
_BLOCK = re.compile(r"(?:<!-- ([\w ]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
WHOLE_JOB = ["create", "query", "image"]


def text(page):
    return (DOCS / page).read_text("utf-8")


def sections(page):
    """The blocks of each section, in order, without those that serve."""
    parts = _SECTION.split(text(page))
    return [
        [(language, code) for kind, language, code in _BLOCK.findall(part) if not kind]
        for part in parts
    ]


TITLES = [title.lstrip("# ") for title in _SECTION.findall(text(PAGES[0]))]
BLOCKS = dict(zip(["", *TITLES], sections(PAGES[0]), strict=True))


@dataclass
class Desk:
    """Where a reader of the page sits: a shell, and a simulator behind a proxy."""

    sim: Simulator
    folder: Path
    environment: dict[str, str]
    ports: dict[str, str]

    def run(self, command):
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, language, code):
        """Run a block; what a shell exports is there for the next ones."""
        for shown, real in self.ports.items():
            code = code.replace(shown, real)
        if language == "bash":
            output = self.run(["bash", "-euo", "pipefail", "-c", f"{code}\necho; env -0"])
            said, _, exports = output.rpartition("\n")
            self.environment = dict(item.split("=", 1) for item in exports.split("\0") if item)
            return said
        program = {"python": sys.executable, "javascript": "node"}[language]
        path = self.folder / f"program.{language}"
        path.write_text(code, "utf-8")
        return self.run([program, str(path)])

    def operations(self):
        """What the simulator was asked for, each once, in order."""
        return list(dict.fromkeys(entry.operation for entry in self.sim.requests))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A desk at which what the page says first has been typed in."""
    folder = tmp_path_factory.mktemp("desk")
    environment = {
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "PYTHONUTF8": "1",
        "PIP_NO_INDEX": "1",  # what `pip install` asks for is here already, or it fails
        "NO_PROXY": "aliyuncs.com",  # which the page has one unset
    }
    authority = CertificateAuthority(folder / "data" / "wanx-sim" / "ca")
    sim = Simulator()
    with sim.serve(tls=authority, proxy_port=0) as server:
        urls = {"8965": server.url, "8966": server.proxy_url}
        ports = {shown: url.rpartition(":")[2] for shown, url in urls.items()}
        desk = Desk(sim, folder, environment, ports)
        for block in BLOCKS[""] + BLOCKS["What it takes"]:
            desk.read(*block)
        yield desk


@pytest.fixture
def desk(opened):
    opened.sim.reset()
    return opened


@pytest.mark.parametrize(
    "client",
    [
        "Python: the official SDK, with no address anywhere",
        "Python: httpx",
        "Python: aiohttp",
        "Node, any version: an agent of its own",
    ],
)
def test_a_client_with_the_real_host_gets_its_picture_from_the_simulator(client, desk):
    (block,) = BLOCKS[client]
    if block[0] == "javascript" and not shutil.which("node"):
        pytest.skip("left out: node is missing; install nodejs")
    desk.read(*block)
    assert desk.operations() == WHOLE_JOB
    assert desk.sim.ledger.images == 1


def test_curl_creates_a_task_through_the_proxy_and_loads_its_picture(desk):
    (block,) = BLOCKS["curl"]
    assert '"task_status":"PENDING"' in desk.read(*block)
    desk.sim.finish(desk.sim.tasks.only.id)
    curl = f"curl -sS --fail --proxy {desk.environment['HTTPS_PROXY']} --cacert $SSL_CERT_FILE"
    task = f"https://dashscope.aliyuncs.com/api/v1/tasks/{desk.sim.tasks.only.id}"
    answer = desk.read("bash", f"{curl} {task} -H 'Authorization: Bearer sk-anything'")
    url = re.search(r'"url":"(https://[^"]+)"', answer)[1]
    desk.read("bash", f"{curl} -o picture.png '{url}'")
    assert (desk.folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert desk.operations() == WHOLE_JOB


def test_curl_meets_the_server_without_a_proxy(desk):
    (curl,) = [code for _, code in BLOCKS["Without a proxy: TLS under the service's own names"]
               if "--connect-to" in code]  # fmt: skip
    assert '"total":0' in desk.read("bash", curl)
    assert desk.operations() == ["list"]


def test_the_bundle_of_both_is_trusted_as_the_certificate_is(desk):
    ((_, recipe),) = BLOCKS["Which variable for which client"]
    desk.read("bash", recipe)
    bundle = (desk.folder / "both.pem").read_text()
    assert bundle.count("BEGIN CERTIFICATE") > 1
    assert bundle.endswith(Path(desk.environment["SSL_CERT_FILE"]).read_text())


_JAVA = """
import java.net.URI;
import java.net.http.*;

class Ask {
  public static void main(String[] arguments) throws Exception {
    var request = HttpRequest.newBuilder(URI.create("https://dashscope.aliyuncs.com/api/v1/tasks"))
        .header("Authorization", "Bearer sk-anything").build();
    System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
"""


@pytest.mark.skipif(
    not (shutil.which("javac") and shutil.which("keytool")),
    reason="nobody needs a JDK for this package; where there is one, the page's lines are tried",
)
def test_java_accepts_the_certificate_and_the_proxy(desk):
    keytool, java = (code for _, code in BLOCKS["Java"])
    desk.read("bash", keytool)
    (desk.folder / "Ask.java").write_text(_JAVA, "utf-8")
    assert '"total":0' in desk.read("bash", java.replace("…", "Ask.java"))
    assert desk.operations() == ["list"]


def test_both_pages_show_the_same_code():
    assert sections(PAGES[0]) == sections(PAGES[1])


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_the_page_names_is_there(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text(page)):
        assert (DOCS / target).exists(), target
