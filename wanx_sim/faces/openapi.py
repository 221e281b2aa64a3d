"""The OpenAPI 3.1 document of the simulated service and of ``/_sim/``.

What the service's answers look like stands in `openapi.json`, kept by hand. Models, limits and
errors come from the protocol's own tables, and everything under ``/_sim/`` from the controls, so
that none of them can be forgotten here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from ..faults import Fault
from ..protocol import catalogue
from ..protocol.errors import ERRORS
from .control import CONTROLS, Control
from .controls import version
from .messages import ErrorMessage

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_SESSION: Json = {"$ref": "#/components/parameters/Session"}
_TROUBLE = {
    400: "Something in it is wrong.",
    401: "The admin token is missing or wrong.",
    403: "It comes from elsewhere, or from a web page of another origin.",
    404: "There is none of that name.",
    409: "That cannot happen to the task any more.",
    415: "The body is not sent as JSON.",
}


@cache
def document() -> Json:
    """The document. It is the same for every simulator of a version."""
    made: Json = json.loads(files(__package__).joinpath("openapi.json").read_text("utf-8"))
    made["info"]["version"] = version()
    schemas: Json = made["components"]["schemas"]
    _limit(schemas["Create"]["properties"])
    for methods in made["paths"].values():
        for operation in methods.values():
            _complete(operation)
    schemas |= _messages()
    for control in CONTROLS:
        made["paths"].setdefault(control.path, {})[control.method.lower()] = _operation(control)
    return made


# --- the service ------------------------------------------------------------------------------


def _limit(create: Json) -> None:
    """Write the catalogue's models and limits into the body of a create."""
    names = (catalogue.load(profile).models for profile in catalogue.PROFILES)
    create["model"]["enum"] = list(dict.fromkeys(name for models in names for name in models))
    parameters = create["parameters"]["properties"]
    for name, (low, high) in {"n": catalogue.N_RANGE, "seed": catalogue.SEED_RANGE}.items():
        parameters[name] |= {"minimum": low, "maximum": high}


def _complete(operation: Json) -> None:
    """Add what all operations of the service have in common."""
    operation["tags"] = ["service"]
    operation.setdefault("parameters", []).append(_SESSION)
    if "security" not in operation:
        operation["security"] = [{"apiKey": []}]
        operation["responses"] |= _refusals()


@cache
def _refusals() -> Json:
    """What the service refuses with, by status."""
    found: dict[int, list[str]] = {}
    for row in ERRORS:
        found.setdefault(row.status, []).append(row.code)
    error = {"application/json": {"schema": {"$ref": _REFERENCE.format(name="Error")}}}
    return {
        str(status): {"description": ", ".join(dict.fromkeys(codes)), "content": error}
        for status, codes in sorted(found.items())
    }


# --- the simulator's own ----------------------------------------------------------------------


def _kinds(control: Control) -> Json:
    """The messages that a control takes (``order``, ``wanted``) and gives (``return``)."""
    return {
        name: kind
        for name, kind in control.types.items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }


@cache
def _messages() -> Json:
    """The schemas of all messages."""
    kinds: set[Any] = {kind for control in CONTROLS for kind in _kinds(control).values()}
    in_order = sorted(kinds | {ErrorMessage, Fault}, key=lambda kind: str(kind.__name__))
    _, schemas = msgspec.json.schema_components(in_order, ref_template=_REFERENCE)
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = schema["description"].partition("\n\n")[0].replace("\n", " ")
    for name in ("ClockOrder", "SettingsOrder", "TaskOrder"):
        schemas[name]["minProperties"] = 1
    schemas["Preset"] = {
        "type": "object",
        "description": "The faults of a situation by its name, with fields of Fault to change.",
        "required": ["preset"],
        "properties": {"preset": {"type": "string"}},
    }
    return dict(schemas)


def _given(control: Control) -> Any:
    """What a control gives: a message, a picture, or (None) an object of another kind."""
    return bytes if control.types["return"] is bytes else _kinds(control).get("return")


def _operation(control: Control) -> Json:
    kinds = _kinds(control)
    made: Json = {
        "operationId": control.run.__name__,
        "summary": control.does,
        "tags": ["simulator"],
        "security": [{}, {"adminToken": []}],
        "parameters": [*_parameters(control, kinds), _SESSION],
        "responses": {"200": _content("It is done.", _given(control))},
    }
    if "order" in control.types:
        order = kinds.get("order")
        content = {"schema": _schema(order) if order else _FAULTS}
        made["requestBody"] = {"required": True, "content": {"application/json": content}}
    for status in _troubles(control):
        made["responses"][str(status)] = _content(_TROUBLE[status], ErrorMessage)
    return made


_ONE_FAULT: Json = {
    "anyOf": [{"$ref": _REFERENCE.format(name=name)} for name in ("Fault", "Preset")]
}
_FAULTS: Json = {"anyOf": [_ONE_FAULT, {"type": "array", "items": _ONE_FAULT}]}


def _schema(kind: Any) -> Json:
    return {"$ref": _REFERENCE.format(name=kind.__name__)} if kind else {"type": "object"}


def _content(description: str, kind: Any) -> Json:
    if kind is bytes:
        return {"description": description, "content": {"image/png": {}}}
    return {"description": description, "content": {"application/json": {"schema": _schema(kind)}}}


def _parameters(control: Control, kinds: Json) -> list[Json]:
    text = {"type": "string", "minLength": 1}
    found: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in re.findall(r"{(\w+)}", control.path)
    ]
    if "wanted" in kinds:
        fields = _messages()[kinds["wanted"].__name__]["properties"]
        found += [{"name": name, "in": "query", "schema": _plain(fields[name])} for name in fields]
    return found


def _plain(schema: Json) -> Json:
    """The schema of a query's parameter: what is absent is not null."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _troubles(control: Control) -> list[int]:
    found = [400, 401, 403]
    if "{" in control.path:
        found.append(404)
    if control.path.endswith("{task_id}") and control.method == "POST":
        found.append(409)
    if "order" in control.types:
        found.append(415)
    return found
