"""An object as the server's own Go structs hold it: what error messages show of a struct.

Messages print the internal types, with Go field names in Go order and every field present: `{"Name":"a","Ports":null}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakekube import facts
from fakekube.objects import as_sent

_ZEROS = {"string": "", "bool": False, "int32": 0, "int64": 0, "float64": 0, "intstr.IntOrString": 0, "types.UID": ""}
_JSON_NAMES = {
    **{
        (f"core.RBD{owner}Source", name): json_name
        for owner in ("Volume", "PersistentVolume")
        for name, json_name in (
            ("CephMonitors", "monitors"),
            ("RBDImage", "image"),
            ("RBDPool", "pool"),
            ("RadosUser", "user"),
        )
    },
    **{
        (f"core.ISCSI{owner}Source", name): json_name
        for owner in ("Volume", "PersistentVolume")
        for name, json_name in (("DiscoveryCHAPAuth", "chapAuthDiscovery"), ("SessionCHAPAuth", "chapAuthSession"))
    },
    **{
        ("apiextensions.JSONSchemaProps", name): json_name
        for name, json_name in (
            ("Schema", "$schema"),
            ("Ref", "$ref"),
            ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields"),
            ("XEmbeddedResource", "x-kubernetes-embedded-resource"),
            ("XIntOrString", "x-kubernetes-int-or-string"),
            ("XListMapKeys", "x-kubernetes-list-map-keys"),
            ("XListType", "x-kubernetes-list-type"),
            ("XMapType", "x-kubernetes-map-type"),
            ("XValidations", "x-kubernetes-validations"),
        )
    },
    ("core.AzureDiskVolumeSource", "DataDiskURI"): "diskURI",
    ("core.GlusterfsVolumeSource", "EndpointsName"): "endpoints",
    ("core.GlusterfsPersistentVolumeSource", "EndpointsName"): "endpoints",
}
"""Go fields whose JSON name is more than their name in other cases."""
_MAPS = {
    ("apiextensions.JSONSchemaProps", "Definitions"): "map apiextensions.JSONSchemaProps",
    ("apiextensions.JSONSchemaProps", "Dependencies"): "map apiextensions.JSONSchemaPropsOrStringArray",
}
"""Maps that are types of their own."""
_POD_FLAGS = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
"""Internally these stand in the security context of the pod."""


def shown(struct: str, value: Any) -> Any:
    """`value`, an object in its JSON form, as JSON of the internal struct `core.PodTemplateSpec`."""
    if struct in _OF_SCHEMAS:
        return _OF_SCHEMAS[struct](value)
    result: dict[str, Any] = {}
    value = as_sent.with_empty({} if value is None else value)
    if struct == "core.PodSpec":
        context = as_sent.with_empty(value.get("securityContext", {}))
        value = {**value, "securityContext": {**context, **_flags(value)}}
    by_lower_case = {name.lower(): part for name, part in value.items()}
    for name, type_, *_ in facts.struct(struct):
        if name:
            json_name, type_ = _JSON_NAMES.get((struct, name), name), _MAPS.get((struct, name), type_)
            result[name] = _shown(type_, by_lower_case.get(json_name.lower()))
        elif type_ == "metav1.ObjectMeta":
            result |= value.get("metadata") or {}
        else:
            result |= shown(type_, value)
    return result


def shown_type(type_name: str, value: Any) -> Any:
    """`value` as JSON of the internal struct behind an API type, `resource.v1.ResourceClaimSpec`.

    For structs that are the same inside the server and outside; the names are made from those in JSON.
    """
    value = as_sent.with_empty({} if value is None else value)
    return {
        _go_name(name): _shown_field(field, value.get(name)) for name, field in facts.type_of(type_name).fields.items()
    }


_SPECIAL_GO_NAMES = {
    "apiGroup": "APIGroup",
    "cel": "CEL",
    "cidrs": "CIDRs",
    "int": "IntValue",
    "uid": "UID",
    "url": "URL",
}


def _go_name(name: str) -> str:
    return _SPECIAL_GO_NAMES.get(name) or name[:1].upper() + name[1:]


def _shown_field(field: facts.Field, value: Any) -> Any:
    def element(part: Any) -> Any:
        return shown_type(field.ref, part) if field.type == "ref" and not field.ref.startswith("meta.") else part

    if field.shape == "one":
        if value is None and field.type == "ref":
            return element({}) if field.always else None
        if value is None and not field.keeps_zero:
            return _ZEROS.get(field.go_type, {"boolean": False, "integer": 0, "string": ""}.get(field.type))
        return element(value) if value is not None else None
    if value is None:
        return None
    if field.shape == "list":
        return [element(part) for part in value]
    return {key: element(value[key]) for key in sorted(value)}


def _schema_or_boolean(value: Any) -> Any:
    is_schema = not isinstance(value, bool)
    return {"Allows": is_schema or value, "Schema": shown(_SCHEMA, value) if is_schema else None}


def _schema_or_schemas(value: Any) -> Any:
    if isinstance(value, list):
        return {"Schema": None, "JSONSchemas": [shown(_SCHEMA, each) for each in value]}
    return {"Schema": shown(_SCHEMA, value), "JSONSchemas": None}


def _schema_or_names(value: Any) -> Any:
    if isinstance(value, list):
        return {"Schema": None, "Property": value}
    return {"Schema": shown(_SCHEMA, value), "Property": None}


def _rule(rule: Any) -> Any:
    texts = {name[:1].upper() + name[1:]: rule.get(name) or "" for name in ("rule", "message", "messageExpression")}
    where = {"Reason": rule.get("reason"), "FieldPath": rule.get("fieldPath") or ""}
    return {**texts, **where, "OptionalOldSelf": rule.get("optionalOldSelf")}


_SCHEMA = "apiextensions.JSONSchemaProps"
_OF_SCHEMAS: dict[str, Callable[[Any], Any]] = {
    "apiextensions.JSONSchemaPropsOrBool": _schema_or_boolean,
    "apiextensions.JSONSchemaPropsOrArray": _schema_or_schemas,
    "apiextensions.JSONSchemaPropsOrStringArray": _schema_or_names,
    "apiextensions.ValidationRule": _rule,
}


def _flags(pod_spec: dict[str, Any]) -> dict[str, Any]:
    return {flag: pod_spec[flag] for flag in _POD_FLAGS if flag in pod_spec}


def _shown(type_: str, value: Any) -> Any:
    if type_.startswith("*"):
        return None if value is None else _shown(type_[1:], value)
    if type_.startswith("[]"):
        return None if value is None else [_shown(type_[2:], element) for element in value]
    if type_.startswith("map"):
        if value is None:
            return None
        element = type_.removeprefix("map").strip()
        return {key: _shown(element or "string", value[key]) for key in sorted(value)}
    if type_.startswith("metav1."):
        return {} if value is None else value
    if facts.has_struct(type_) or type_ in _OF_SCHEMAS:
        return shown(type_, value)
    return _ZEROS.get(type_, "0" if type_ == "resource.Quantity" else None) if value is None else value
