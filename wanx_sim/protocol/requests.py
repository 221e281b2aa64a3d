"""A create request: from the bytes of a body to an `Order`, or to a refusal that says the rule."""

from __future__ import annotations

import re

import msgspec

from . import errors
from .catalogue import (
    N_DEFAULT,
    N_RANGE,
    NEGATIVE_PROMPT_LIMIT,
    SEED_RANGE,
    WATERMARK_DEFAULT,
    Catalogue,
    Model,
    Region,
)
from .errors import Refusal

_SIZE = re.compile(r"([1-9][0-9]{0,5})\*([1-9][0-9]{0,5})", re.ASCII)
_PATH = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


class Input(msgspec.Struct, frozen=True):
    """`input` as it was sent. Keys that the service does not know are ignored [assumed]."""

    prompt: str | None = None
    negative_prompt: str | None = None


class Parameters(msgspec.Struct, frozen=True):
    """`parameters` as they were sent; None is what the sender left out (or sent as null)."""

    size: str | None = None
    n: int | None = None
    prompt_extend: bool | None = None
    watermark: bool | None = None
    seed: int | None = None


class Body(msgspec.Struct, frozen=True):
    """The body of a create request, its types checked and nothing else."""

    model: str | None = None
    input: Input | None = None
    parameters: Parameters = Parameters()


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    return Refusal(errors.INVALID_PARAMETER, f"{path}: {says[:1].lower()}{says[1:]}")


def find_model(body: Body, catalogue: Catalogue, region: Region) -> Model:
    """The model that a body names; raises `Refusal` if there is none of that name here."""
    if not body.model:
        raise Refusal(errors.EMPTY_MODEL)
    model = catalogue.find(body.model, region)
    if model is None:
        raise Refusal(errors.MODEL_NOT_EXIST)
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
        return Refusal(errors.INVALID_PARAMETER, "Field required: input.prompt")
    if not prompt.strip():
        return Refusal(errors.INVALID_PARAMETER, "prompt must contain words")
    return (
        _size_problem(asked.size, model)
        or _range_problem("n", asked.n, N_RANGE)
        or _range_problem("seed", asked.seed, SEED_RANGE)
    )


def _size_problem(size: str | None, model: Model) -> Refusal | None:
    if size is None:
        return None
    match = _SIZE.fullmatch(size)
    if match is None:
        says = f"The size '{size}' is not valid: it must be written width*height, as in 1024*1024."
    elif not model.rule.allows(int(match[1]), int(match[2])):
        says = f"The size {size} is not allowed for {model.name}: {model.rule}."
    else:
        return None
    return Refusal(errors.INVALID_PARAMETER, says)


def _range_problem(name: str, value: int | None, allowed: tuple[int, int]) -> Refusal | None:
    if value is None or allowed[0] <= value <= allowed[1]:
        return None
    return Refusal(errors.INVALID_PARAMETER, f"Range of {name} should be {list(allowed)}")


def order(body: Body, model: Model) -> Order:
    """The order that a body places, defaults filled in; what is unusable counts as left out."""
    given, asked = body.input or Input(), body.parameters
    size = _SIZE.fullmatch(asked.size or "") or _SIZE.fullmatch(model.size)
    if size is None:
        raise AssertionError(f"the catalogue's own size {model.size!r} is malformed")
    n = N_DEFAULT if asked.n is None else min(max(asked.n, N_RANGE[0]), N_RANGE[1])
    return Order(
        model=model.name,
        prompt=given.prompt or "",
        prompt_limit=model.prompt_limit,
        negative_prompt=given.negative_prompt,
        width=int(size[1]),
        height=int(size[2]),
        n=n,
        seed=asked.seed,
        prompt_extend=_default(asked.prompt_extend, model.prompt_extend),
        watermark=_default(asked.watermark, WATERMARK_DEFAULT),
    )


def _default(value: bool | None, default: bool) -> bool:
    return default if value is None else value
