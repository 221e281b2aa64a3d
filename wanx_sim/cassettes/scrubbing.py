"""Scrub: a file as it would be if no secret had ever been written to it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ..errors import CassetteError
from . import foreign, redaction, secrets
from .cassette import Cassette
from .files import locked, read, write
from .format import FORMAT, Document, Entry, Exchange, Json, State, encode
from .matching import without_prompts
from .walking import cassettes

LARGEST = 2**28
"""Bytes of a file that is scrubbed; a HAR holds its pictures."""

_OTHERS = (".har", ".yaml", ".yml")


class Scrubbed(msgspec.Struct, frozen=True, kw_only=True):
    """What became, or would become, of one file."""

    file: str
    found: list[foreign.Found]
    """The line of each secret, as the file was, and its kind."""
    changed: bool
    """Whether the file is another now; a cassette may also hold what the format does not."""

    def __str__(self) -> str:
        if not self.found:
            says = "holds what no recorder writes, and no secret" if self.changed else "clean"
            return f"{self.file}: {says}"
        return f"{self.file}: {_counted(self.found)}"


def files(paths: Iterable[str | Path]) -> list[Path]:
    """The files to scrub: those that are named, and of folders cassettes, HAR and YAML."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            found |= dict.fromkeys(cassettes([path]))
            more = (file for file in sorted(path.rglob("*")) if file.suffix in _OTHERS)
            found |= dict.fromkeys(file for file in more if file.is_file())
        else:
            there = path if path.exists() else Cassette(path).path
            found[there] = None
    return list(found)


def scrub(path: Path, output: Path | None = None, *, check: bool = False) -> Scrubbed:
    """Take the secrets out of a file.

    Args:
        path: the file: a cassette, or any text, such as a HAR or VCR's YAML.
        output: where to write; default the file itself, as a whole and at once.
        check: whether nothing is written.

    Raises:
        CassetteError: for what cannot be read or written, is no text, or cannot be scrubbed
            without being broken.
    """
    if path.is_symlink():
        raise CassetteError(f"{path} is a link, and is not written through; name what it leads to")
    with locked(path):
        content = read(path, LARGEST)
        text = _text(content, path)
        ours = _is_ours(content)
        if ours:
            clean, found = _cassette(path), _shaped(text)
            what = "its requests hold"
        else:
            scrubbed, found = foreign.scrub(text, yaml=path.suffix in (".yaml", ".yml"))
            clean, what = scrubbed.encode(), "it holds"
            _still_json(content, clean, path)
        if left := _shaped(clean.decode()):
            raise CassetteError(
                f"{path} cannot be scrubbed: {what} {_counted(left)} where nothing else can stand; "
                "take it out by hand, or record anew"
            )
        changed = (
            msgspec.json.decode(clean) != msgspec.json.decode(content) if ours else bool(found)
        )
        if not check and (changed or output):
            write(output or path, clean)
    return Scrubbed(file=str(path), found=found, changed=changed)


def _counted(found: list[foreign.Found]) -> str:
    counts = Counter(kind for _, kind in found)
    lines: dict[str, list[str]] = defaultdict(list)
    for line, kind in found:
        lines[kind].append(str(line))
    return "; ".join(
        f"{count} × {kind} (line {', '.join(dict.fromkeys(lines[kind]))})"
        for kind, count in counts.items()
    )


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CassetteError(f"{path} is no text in UTF-8, and cannot be scrubbed") from error


def _is_ours(content: bytes) -> bool:
    try:
        return msgspec.json.decode(content, type=Document).format == FORMAT
    except (msgspec.DecodeError, RecursionError):
        return False


def _shaped(text: str) -> list[foreign.Found]:
    return [
        (number, kind)
        for number, line in enumerate(text.splitlines(), 1)
        for kind in secrets.redact(line)[1]
    ]


def _still_json(before: bytes, after: bytes, path: Path) -> None:
    try:
        msgspec.json.decode(before)
    except (msgspec.DecodeError, RecursionError):
        return
    try:
        msgspec.json.decode(after)
    except msgspec.DecodeError as error:
        raise CassetteError(f"{path} would be no JSON any more ({error}); left as it is") from error


# --- our own --------------------------------------------------------------------------------------


def _cassette(path: Path) -> bytes:
    """A cassette through the whitelist and the masks of the recorder."""
    cassette = Cassette.load(path)
    header = cassette.header
    clean = replace(
        header,
        recorded_with=secrets.mask(header.recorded_with),
        host=secrets.mask(header.host),
        models=[secrets.mask(model) for model in header.models],
        interactions=[
            msgspec.Raw(msgspec.json.encode(_entry(entry))) for entry in cassette.interactions
        ],
    )
    return encode(clean)


def _entry(entry: Entry) -> Entry:
    request, hidden = _request(entry.request)
    if isinstance(entry, Exchange):
        polled = "output" in entry.body
        body = redaction.polled(entry.body) if polled else _page(entry.body)
        text = entry.text and secrets.mask(entry.text)
        return replace(entry, request=request, body=redaction.masked(body), text=text)
    return replace(
        entry,
        request=request,
        created=redaction.masked(redaction.created(entry.created)),
        states=[_state(state, hidden=hidden) for state in entry.states],
        images=[
            replace(image, media_type=secrets.mask(image.media_type)) for image in entry.images
        ],
        trouble=entry.trouble and secrets.mask(entry.trouble),
    )


def _request(form: Json) -> tuple[Json, bool]:
    """A request without secrets, and whether its prompts are hashes now.

    A hash matches what the prompt matched; a mask in its place would match nothing.
    """
    form = redaction.scrubbed(form)
    if any(secrets.find(form.get("input"))):
        form = without_prompts(form)
        return redaction.masked(form), True
    return redaction.masked(form), False


def _state(state: State, *, hidden: bool) -> State:
    if not state.lasting:
        return replace(state, body=redaction.masked(redaction.refused(state.body)))
    body = redaction.polled(state.body)
    body = redaction.without_prompts(body) if hidden else body
    return replace(state, body=redaction.masked(body))


def _page(body: Json) -> Json:
    """What is kept of an error, or of a page of the task list with all rows that it has."""
    if "data" not in body:
        return redaction.refused(body)
    rows: list[Any] = body["data"] if isinstance(body["data"], list) else []
    ids = {str(row.get("task_id")) for row in rows if isinstance(row, dict)}
    return redaction.listed(body, ids)
