"""OpenAPI version 2, one document for everything; and its protobuf form, which kubectl up to 1.28 insists on.

The protobuf messages are those of gnostic: https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from fakekube.registry.kind import Kind
from fakekube.server import openapi_custom, openapi_facts
from fakekube.server.openapi_facts import Dialect, Operation, Parameter, PathItem

Json = dict[str, Any]

_VERSION_2 = Dialect(
    references="#/definitions/",
    has_defaults=False,
    wraps_references=False,
    replaced={
        "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    },
)
_STATUS_TEXTS = {"200": "OK", "201": "Created", "202": "Accepted", "401": "Unauthorized"}
_ORDER_OF_TYPES = (
    "application/json",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
)
_ALL_FORMS = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]


def document(custom: Sequence[Kind] = ()) -> Json:
    """The document as a JSON value, with `custom` resources besides those of the facts."""
    parameters: dict[str, Json] = {}
    paths = {item.path: _path_item(item, parameters) for items in openapi_facts.path_items().values() for item in items}
    paths.update((item.path, _path_item(item, parameters)) for item in openapi_custom.path_items(custom))
    group_versions = openapi_facts.every_group_version()
    definitions = {
        openapi_facts.full_name(name): _VERSION_2.schema(name, group_versions) for name in openapi_facts.schema_names()
    }
    for kind in custom:
        definitions.update(openapi_custom.schemas(kind, _VERSION_2))
    return {
        "swagger": "2.0",
        "info": {"title": openapi_facts.TITLE, "version": openapi_facts.API_VERSION},
        "paths": dict(sorted(paths.items())),
        "definitions": dict(sorted(definitions.items())),
        "parameters": dict(sorted(parameters.items())),
        "securityDefinitions": {
            "BearerToken": {
                "description": "Bearer Token authentication",
                "type": "apiKey",
                "name": "authorization",
                "in": "header",
            }
        },
        "security": [{"BearerToken": []}],
    }


def _path_item(item: PathItem, shared: dict[str, Json]) -> Json:
    written: Json = {operation.method: _operation(operation, shared) for operation in item.operations}
    if item.parameters:
        written["parameters"] = [_parameter(each, shared) for each in item.parameters]
    return written


def _operation(operation: Operation, shared: dict[str, Json]) -> Json:
    parameters = [_parameter(each, shared) for each in operation.parameters]
    if operation.body:
        required = {"required": True} if operation.body_required else {}
        parameters.insert(0, {"in": "body", "name": "body", **required, "schema": _VERSION_2.reference(operation.body)})
    written: Json = {
        "description": operation.description,
        "consumes": _in_order(operation.consumes) or (["*/*"] if operation.action else _ALL_FORMS),
        "produces": _in_order(operation.produces),
        "schemes": ["https"],
        "tags": [operation.tag],
        "operationId": operation.id,
    }
    if parameters:
        written["parameters"] = parameters
    written["responses"] = {code: _response(operation, code) for code in operation.codes}
    if operation.action:
        written["x-kubernetes-action"] = operation.action
    if operation.kind:
        group, version, kind = operation.kind
        written["x-kubernetes-group-version-kind"] = {"group": group, "kind": kind, "version": version}
    return written


def _in_order(media_types: Iterable[str]) -> list[str]:
    known = {media_type: index for index, media_type in enumerate(_ORDER_OF_TYPES)}
    return sorted(media_types, key=lambda media_type: known.get(media_type, len(known)))


def _response(operation: Operation, code: str) -> Json:
    if code == "401":
        return {"description": _STATUS_TEXTS[code]}
    schema = {"type": "string"} if operation.answer == "string" else _VERSION_2.reference(operation.answer)
    return {"description": _STATUS_TEXTS[code], "schema": schema}


def _parameter(parameter: Parameter, shared: dict[str, Json]) -> Json:
    """A reference to a parameter that many operations share; the name of an object is each path's own."""
    written: Json = {
        "uniqueItems": True,
        "type": parameter.type,
        "description": parameter.description,
        "name": parameter.name,
        "in": parameter.location,
    }
    if parameter.location == "path":
        written["required"] = True
    if parameter.name == "name":
        return written
    digest = urlsafe_b64encode(sha256(orjson.dumps(written)).digest()).decode()[:8]
    key = f"{parameter.name}-{digest}"
    shared[key] = written
    return {"$ref": f"#/parameters/{key}"}


# Protobuf: each writer below gives the bytes of one message; the numbers are those of the fields in OpenAPIv2.proto.


def protobuf(document: Json) -> bytes:
    """The same document as gnostic's message `Document`."""
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])),
            _message(8, _named(2, document["paths"], _path_item_message)),
            _message(9, _named(1, document["definitions"], _schema_message)),
            _message(10, _named(1, document["parameters"], _parameter_message)),
            *(_message(12, _named(1, each, _texts_message)) for each in document["security"]),
            _message(13, _named(1, document["securityDefinitions"], _security_message)),
        )
    )


_PATH_ITEM_FIELDS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def _path_item_message(item: Json) -> bytes:
    operations = [
        _message(number, _operation_message(item[method]))
        for method, number in _PATH_ITEM_FIELDS.items()
        if method in item
    ]
    parameters = [_message(9, _parameters_item_message(each)) for each in item.get("parameters", ())]
    return b"".join((*operations, *parameters))


def _operation_message(operation: Json) -> bytes:
    return b"".join(
        (
            *(_text(1, tag) for tag in operation["tags"]),
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            *(_text(6, each) for each in operation["produces"]),
            *(_text(7, each) for each in operation["consumes"]),
            *(_message(8, _parameters_item_message(each)) for each in operation.get("parameters", ())),
            _message(9, _named(1, operation["responses"], _response_message)),
            *(_text(10, each) for each in operation["schemes"]),
            _extensions(13, operation),
        )
    )


def _parameters_item_message(parameter: Json) -> bytes:
    if "$ref" in parameter:
        return _message(2, _text(1, parameter["$ref"]))
    return _message(1, _parameter_message(parameter))


def _parameter_message(parameter: Json) -> bytes:
    if parameter["in"] == "body":
        return _message(
            1,
            _text(2, parameter["name"])
            + _text(3, "body")
            + _flag(4, parameter.get("required", False))
            + _message(5, _schema_message(parameter["schema"])),
        )
    description = _text(3, parameter["description"]) + _text(4, parameter["name"])
    if parameter["in"] == "path":
        path = _flag(1, True) + _text(2, "path") + description + _text(5, parameter["type"]) + _flag(19, True)
        return _message(2, _message(4, path))
    query = _text(2, "query") + description + _text(6, parameter["type"]) + _flag(20, True)
    return _message(2, _message(3, query))


def _response_message(response: Json) -> bytes:
    written = _text(1, response["description"])
    if "schema" in response:
        written += _message(2, _message(1, _schema_message(response["schema"])))
    return _message(1, written)


def _schema_message(schema: Json) -> bytes:
    parts = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        *(_text(19, each) for each in schema.get("required", ())),
        *(_message(20, _text(2, orjson.dumps(each).decode())) for each in schema.get("enum", ())),
    ]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _schema_message(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema_message(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, _named(1, schema["properties"], _schema_message)))
    parts.append(_extensions(31, schema))
    return b"".join(parts)


def _texts_message(texts: list[str]) -> bytes:
    return b"".join(_text(1, each) for each in texts)


def _security_message(security: Json) -> bytes:
    fields = {"type": 1, "name": 2, "in": 3, "description": 4}
    return _message(2, b"".join(_text(number, security[name]) for name, number in fields.items()))


def _extensions(number: int, holder: Json) -> bytes:
    """The x- keys; a value is written as YAML, of which JSON is a part."""
    return b"".join(
        _message(number, _text(1, key) + _message(2, _text(2, orjson.dumps(value).decode())))
        for key, value in holder.items()
        if key.startswith("x-")
    )


def _named(number: int, values: Mapping[str, Any], write: Callable[[Any], bytes]) -> bytes:
    """A map: repeated messages of name and value."""
    return b"".join(_message(number, _text(1, name) + _message(2, write(value))) for name, value in values.items())


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _flag(number: int, flag: bool) -> bytes:
    return _varint(number << 3) + b"\x01" if flag else b""


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
