"""ResourceSlices: devices of one driver, in a pool; found by the node and the driver that offer them."""

from __future__ import annotations

from typing import Any

from fakekube.kinds import pod_spec
from fakekube.kinds.csi_names import driver_name
from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.registry.kind import Object, Strategy

MOST_DEVICES, MOST_ATTRIBUTES, MOST_TAINTS, MOST_POOL_NAME_BYTES = 128, 32, 16, 253
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_VALUES = ("int", "bool", "string", "version", "ints", "bools", "strings", "versions")
_VERSION = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)


def _pool_name(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    errors = rules.no_longer_than(MOST_POOL_NAME_BYTES)(value, path)
    return errors + [invalid(path, part, text) for part in value.split("/") for text in names.subdomain(part)]


def _place(spec: Object, path: str) -> list[FieldError]:
    """Where the devices are: said once."""
    listed = ", ".join(f"`{field}`" for field in _PLACES)
    given = [field for field in _PLACES if spec.get(field)]
    if not given:
        return [required(path, f"exactly one of {listed} is required")]
    if len(given) > 1:
        shown = "{" + ", ".join(given) + "}"
        return [invalid(path, shown, f"exactly one of {listed} is required, but multiple fields are set")]
    if given == ["nodeSelector"]:
        return pod_spec.node_selector(spec["nodeSelector"], f"{path}.nodeSelector")
    return rules.named(names.subdomain)(spec.get("nodeName"), f"{path}.nodeName")


_IDENTIFIER_TEXT = (
    "must be a valid C identifier (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
    "'[A-Za-z_][A-Za-z0-9_]*')"
)


def _identifier(name: str, path: str) -> list[FieldError]:
    domain, slash, rest = name.rpartition("/")
    errors = [invalid(path, domain, text) for text in names.subdomain(domain)] if slash else []
    if not rest:
        return [*errors, required(path, "the name must not be empty")]
    if not rest.isidentifier() or not rest.isascii():
        errors.append(
            invalid(
                path,
                rest,
                _IDENTIFIER_TEXT,
            )
        )
    return errors


def _attributes(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, attribute in (value or {}).items():
        place = f"{path}[{name}]"
        errors += _identifier(name, place)
        given = sum(attribute.get(field) is not None for field in _VALUES)
        if given == 0:
            errors.append(required(place, "exactly one value must be specified"))
        elif given > 1:
            errors.append(invalid(place, attribute, "exactly one value must be specified"))
        version = attribute.get("version")
        if version is not None and not rules.matches(_VERSION, version):
            detail = "must be a string compatible with semver.org spec 2.0.0"
            errors.append(invalid(f"{place}.version", version, detail))
    return errors


def _capacity(value: Any, path: str) -> list[FieldError]:
    return [error for name in value or () for error in _identifier(name, f"{path}[{name}]")]


_TAINT = (
    ("key", rules.needed_name(names.qualified_name)),
    ("value", rules.named(names.label_value)),
    ("effect", rules.needed_one_of("NoExecute", "NoSchedule", "None")),
)
_DEVICE = (
    ("name", rules.needed_name(names.label)),
    ("attributes", rules.no_more_than(MOST_ATTRIBUTES), _attributes),
    ("capacity", rules.no_more_than(MOST_ATTRIBUTES), _capacity),
    ("taints", rules.no_more_than(MOST_TAINTS), rules.each(*_TAINT)),
)
_SPEC = (
    ("driver", driver_name),
    ("pool.name", _pool_name),
    ("pool.resourceSliceCount", rules.positive),
    ("pool.generation", rules.told("must be greater than or equal to zero", lambda number: number >= 0)),
    _place,
    ("devices", rules.no_more_than(MOST_DEVICES), rules.each(*_DEVICE), rules.unique_by("name", at="name")),
)

validate_create = rules.table(("spec", rules.within(*_SPEC)))


def validate_update(resource_slice: Object, old: Object) -> list[FieldError]:
    errors = validate_create(resource_slice)
    return errors + rules.unchanged_at(resource_slice, old, "spec.driver", "spec.nodeName", "spec.pool.name")


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update=validate_update,
    selectable_fields={
        "spec.nodeName": lambda each: fields.text_at(each, "spec.nodeName"),
        "spec.driver": lambda each: fields.text_at(each, "spec.driver"),
    },
    returns_deleted_object=True,
)
