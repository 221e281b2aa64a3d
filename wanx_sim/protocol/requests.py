"""A create request: from the bytes of a body to an `Order`, or to a refusal that says the rule."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from . import errors
from .behaviour import Behaviour
from .catalogue import (
    N_RANGE,
    NEGATIVE_PROMPT_LIMIT,
    SEED_RANGE,
    WATERMARK_DEFAULT,
    Catalogue,
    ListRule,
    Model,
    Region,
)
from .errors import ErrorRow, Refusal

BEHAVIOURS = (
    Behaviour(
        "create.unknown-keys",
        "keys of `input` and `parameters` that the service does not know are ignored",
        "assumed",
        "no source shows a refusal; the SDK passes on whatever it is given",
    ),
    Behaviour(
        "create.parameters-optional",
        "`parameters` may be left out",
        "documented",
        "seed §5.3",
    ),
    Behaviour("create.n", "a create without `n` gets four images", "documented", "seed §5.3"),
    Behaviour("create.n-range", "`n` is 1 to 4", "documented", "seed §5.3"),
    Behaviour("create.seed-range", "`seed` is 0 to 2147483647", "documented", "seed §5.3"),
    Behaviour(
        "create.watermark", "there is no watermark unless asked for", "documented", "V2 page"
    ),
    Behaviour(
        "create.prompt-cut",
        "a prompt beyond the model's limit is cut, not refused; each character counts as one",
        "documented",
        "V2 pages of 2025-01 and 2025-12",
    ),
    Behaviour(
        "create.negative-prompt-cut",
        "a negative prompt is cut at 500 characters",
        "documented",
        "seed §5.2; V2 page of 2025-12",
    ),
    Behaviour(
        "create.negative-prompt-in-parameters",
        "qwen-image takes `negative_prompt` in `parameters` too",
        "documented",
        "qwen-image page of 2025, its example",
    ),
    Behaviour(
        "create.size-star",
        "`size` is spelt W*H; 1024x1024 is refused",
        "documented",
        "seed §5.3",
    ),
    Behaviour(
        "create.style",
        "wanx-v1 takes one of its styles; other models ignore `style`",
        "documented",
        "V1 page",
    ),
    Behaviour(
        "create.validation-submit",
        "bad parameters are refused with 400 when the task is created (validation=submit)",
        "assumed",
        "seed §11 says refused, not when",
    ),
    Behaviour(
        "create.validation-task",
        "bad parameters are accepted, and the task fails (validation=task)",
        "observed",
        "live probes of 2026, of wan2.6 and wan2.7",
    ),
    Behaviour(
        "create.moderation-at-submit",
        "a prompt that moderation rejects is refused with 400 when the task is created",
        "observed",
        "live wan2.2-t2i-flash answers of 2026; pages also have it in the task",
    ),
)

_SIZE = re.compile(r"([1-9][0-9]{0,5})\*([1-9][0-9]{0,5})", re.ASCII)
_PATH = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


class Input(msgspec.Struct, frozen=True):
    """`input` as it was sent. Keys that the service does not know are ignored [assumed]."""

    prompt: str | None = None
    negative_prompt: str | None = None


class Parameters(msgspec.Struct, frozen=True):
    """`parameters` as they were sent; None is what the sender left out (or sent as null).

    Only some models know the last two, so that others take anything there.
    """

    size: str | None = None
    n: int | None = None
    prompt_extend: bool | None = None
    watermark: bool | None = None
    seed: int | None = None
    style: object = None
    negative_prompt: object = None


class Body(msgspec.Struct, frozen=True):
    """The body of a create request, its types checked and nothing else."""

    model: str | None = None
    input: Input | None = None
    parameters: Parameters = Parameters()


class Order(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What was asked for, with the model's defaults filled in."""

    model: str
    prompt: str
    prompt_limit: int
    width: int
    height: int
    n: int
    prompt_extend: bool
    watermark: bool
    seed: int | None = None
    negative_prompt: str | None = None
    only_links: bool = False
    """Whether the results hold links alone, as the model's do."""
    no_metrics: bool = False
    """Whether its SUCCEEDED answer lacks `task_metrics`, as the model's does."""

    @property
    def size(self) -> str:
        """As the service writes it: ``width*height``."""
        return f"{self.width}*{self.height}"

    @property
    def used_prompt(self) -> str:
        """The prompt as the model sees it: what is too long is cut, not refused [documented]."""
        return self.prompt[: self.prompt_limit]

    @property
    def used_negative_prompt(self) -> str | None:
        """The negative prompt as the model sees it [documented: cut at 500]."""
        return self.negative_prompt and self.negative_prompt[:NEGATIVE_PROMPT_LIMIT]


def prompt_of(body: Body | None) -> str:
    """The prompt of a body, empty if it has none."""
    return (body and body.input and body.input.prompt) or ""


_decoder = msgspec.json.Decoder(Body)


def decode(content: bytes) -> Body:
    """A body with its types checked.

    Raises:
        Refusal: for what is no JSON, no object, or holds a value of the wrong type.
    """
    try:
        return _decoder.decode(content)
    except msgspec.ValidationError as problem:
        raise _wrong_type(str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(errors.INVALID_BODY) from None


def _wrong_type(text: str) -> Refusal:
    match = _PATH.fullmatch(text)
    says, path = match.groups() if match else (text, None)
    if not path:
        return Refusal(errors.INVALID_BODY)
    # The types that msgspec names are JSON's own, but for these.
    for ours, theirs in (("str", "string"), ("int", "integer"), ("bool", "boolean")):
        says = re.sub(rf"`{ours}(?: \| null)?`", theirs, says)
    says = says.replace(" | null", "").replace("`", "")
    return Refusal(errors.WRONG_TYPE, f"{path}: {says[:1].lower()}{says[1:]}")


_ELSEWHERE = {"other endpoint": errors.URL_ERROR, "sync only": errors.SYNC_ONLY}


def find_model(body: Body, catalogue: Catalogue, region: Region) -> Model:
    """The model that a body names; raises `Refusal` if there is none of that name here."""
    if not body.model:
        raise Refusal(errors.EMPTY_MODEL)
    model = catalogue.find(body.model, region)
    if model is None:
        known = catalogue.find_elsewhere(body.model)
        raise Refusal(_ELSEWHERE[known.why] if known else errors.MODEL_NOT_EXIST)
    if body.input is None or body.input == Input():
        raise Refusal(errors.EMPTY_INPUT)
    return model


def problem(body: Body, model: Model) -> Refusal | None:
    """The first rule of the model that `input` or `parameters` break, if any.

    Whether it is raised when the task is created or makes the task fail is the caller's choice:
    both were seen [observed: newer models accept first and fail at the poll].
    """
    prompt = body.input.prompt if body.input else None
    asked = body.parameters
    if prompt is None:
        return Refusal(errors.PROMPT_MISSING)
    if not prompt.strip():
        return Refusal(errors.PROMPT_EMPTY)
    return (
        _size_problem(asked.size, model)
        or _style_problem(asked.style, model)
        or _n_problem(asked.n, model)
        or _range_problem(errors.SEED_OUTSIDE, "seed", asked.seed, (SEED_RANGE[0], model.seed_most))
    )


def _size_problem(size: str | None, model: Model) -> Refusal | None:
    if size is None:
        return None
    sides = _sides(size)
    if sides and model.rule.allows(*sides):
        return None
    if isinstance(model.rule, ListRule):
        return _not_listed(errors.SIZE_NOT_LISTED, "size", model.rule.sizes)
    if sides is None:
        says = f"The size '{size}' is not valid: it must be written width*height, as in 1024*1024."
        return Refusal(errors.SIZE_MALFORMED, says)
    says = f"The size {size} is not allowed for {model.name}: {model.rule}."
    return Refusal(errors.SIZE_OUTSIDE, says)


@lru_cache(256)  # few sizes are asked for
def _sides(size: str) -> tuple[int, int] | None:
    """Width and height of a size that is written as it must be."""
    match = _SIZE.fullmatch(size)
    return (int(match[1]), int(match[2])) if match else None


def _style_problem(style: object, model: Model) -> Refusal | None:
    if style is None or not model.styles or style in model.styles:
        return None
    return _not_listed(errors.STYLE_NOT_LISTED, "style", model.styles)


def _not_listed(row: ErrorRow, name: str, allowed: tuple[str, ...]) -> Refusal:
    return Refusal(row, f"The {name} is not match the allowed {name} {list(allowed)}")


def _n_problem(n: int | None, model: Model) -> Refusal | None:
    if model.n_most == 1:
        return None if n in (None, 1) else Refusal(errors.ONE_IMAGE_ONLY)
    return _range_problem(errors.N_OUTSIDE, "n", n, (N_RANGE[0], model.n_most))


def _range_problem(
    row: ErrorRow, name: str, value: int | None, allowed: tuple[int, int]
) -> Refusal | None:
    if value is None or allowed[0] <= value <= allowed[1]:
        return None
    return Refusal(row, f"Range of {name} should be {list(allowed)}")


def order(body: Body, model: Model) -> Order:
    """The order that a body places, defaults filled in; what is unusable counts as left out."""
    given, asked = body.input or Input(), body.parameters
    sides = _sides(asked.size or "") or _sides(model.size)
    if sides is None:
        raise AssertionError(f"the catalogue's own size {model.size!r} is malformed")
    n = model.n if asked.n is None else min(max(asked.n, N_RANGE[0]), model.n_most)
    return Order(
        model=model.name,
        prompt=given.prompt or "",
        prompt_limit=model.prompt_limit,
        negative_prompt=_negative_prompt(given, asked, model),
        width=sides[0],
        height=sides[1],
        n=n,
        seed=asked.seed,
        prompt_extend=_default(asked.prompt_extend, model.prompt_extend),
        watermark=_default(asked.watermark, WATERMARK_DEFAULT),
        only_links=model.only_links,
        no_metrics=model.no_metrics,
    )


def _negative_prompt(given: Input, asked: Parameters, model: Model) -> str | None:
    if given.negative_prompt is not None or not model.negative_prompt_in_parameters:
        return given.negative_prompt
    return asked.negative_prompt if isinstance(asked.negative_prompt, str) else None


def _default(value: bool | None, default: bool) -> bool:
    return default if value is None else value
