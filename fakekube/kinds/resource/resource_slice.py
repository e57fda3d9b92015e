"""ResourceSlices: devices of one driver, in a pool; found by the node and the driver that offer them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fakekube.kinds import pod_spec
from fakekube.kinds.csi_names import driver_name
from fakekube.kinds.device_rules import TAINT, attribute_name, binding, named, pool_name, some
from fakekube.objects import as_sent, fields, go_structs, names, quantities, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, go_quoted, invalid, required, too_many
from fakekube.registry.kind import Object, Operation, Strategy

MOST_DEVICES, MOST_DEVICES_WITH_MORE, MOST_ATTRIBUTES, MOST_VALUES, MOST_TAINTS = 128, 64, 32, 48, 16
MOST_COUNTER_SETS, MOST_COUNTERS, MOST_CONSUMED_SETS, MOST_CHOICES, MOST_VALUE_BYTES = 8, 32, 2, 10, 64
_NOT_YET_SERVED = ("nodeAllocatableResourceMappings",)
_LISTS = ("ints", "bools", "strings", "versions")
_VERSION = (
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)


def prepare_create(resource_slice: Object, operation: Operation) -> None:
    """What the server knows of and does not serve yet goes."""
    for device in fields.at(resource_slice, "spec.devices") or ():
        for field in _NOT_YET_SERVED:
            device.pop(field, None)
        for attribute in (device.get("attributes") or {}).values():
            for field in _LISTS:
                attribute.pop(field, None)


def prepare_update(resource_slice: Object, old: Object, operation: Operation) -> None:
    prepare_create(resource_slice, operation)


def _node_name(empty_text: str) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        if value == "":
            return [invalid(path, value, empty_text)]
        return rules.named(names.subdomain)(value, path)

    return check


def _single_term(value: Any, path: str) -> list[FieldError]:
    """Selectors of slices are put together, which is simple while each has one term."""
    if value is None:
        return []
    errors = pod_spec.node_selector(value, path)
    terms = value.get("nodeSelectorTerms") or []
    if len(terms) != 1:
        shown = go_structs.shown_type("core.v1.NodeSelector", value)["NodeSelectorTerms"]
        errors.append(invalid(f"{path}.nodeSelectorTerms", shown, "must have exactly one node selector term"))
    return errors


def _any_terms(value: Any, path: str) -> list[FieldError]:
    return [] if value is None else pod_spec.node_selector(value, path)


def _set_or_true(value: Any, path: str) -> list[FieldError]:
    return [invalid(path, value, "must be either unset or set to true")] if value is False else []


def _place(detail: str, more: str, **of_field: rules.Rule) -> rules.Rule:
    """Where the devices are: said once. `more` is added where it is said in several ways."""

    def check(value: Object, path: str) -> list[FieldError]:
        errors = [error for field, rule in of_field.items() for error in rule(value.get(field), f"{path}.{field}")]
        given = [f"`{field}`" for field in of_field if value.get(field) or isinstance(value.get(field), dict)]
        if not given:
            errors.append(required(path, detail))
        elif len(given) > 1:
            errors.append(invalid(path, f"{{{', '.join(given)}}}", detail + more))
        return errors

    return check


_PLACE_OF_ALL = _place(
    "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
    ", but multiple fields are set",
    nodeName=_node_name("must be either unset or set to a non-empty string"),
    nodeSelector=_single_term,
    allNodes=_set_or_true,
    perDeviceNodeSelection=_set_or_true,
)
_PLACE_OF_ONE = _place(
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in "
    "the ResourceSlice spec",
    "",
    nodeName=_node_name("must not be empty"),
    nodeSelector=_any_terms,
    allNodes=_set_or_true,
)


def _no_place(value: Object, path: str) -> list[FieldError]:
    if all(value.get(field) is None for field in ("nodeName", "nodeSelector", "allNodes")):
        return []
    detail = (
        "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the "
        "ResourceSlice spec"
    )
    return [invalid(path, None, detail)]


def _cut(name: str, most: int) -> str:
    """A key that is too long, with its middle left out, as paths show it."""
    if len(name) <= most:
        return name
    remaining = most - 3
    return f"{name[: (remaining + 1) // 2]}...{name[-(remaining // 2) :]}"


def _map(key: rules.Rule, value: rules.Rule, most_shown: int, most: int | None = None) -> rules.Rule:
    def check(given: Any, path: str) -> list[FieldError]:
        if most is not None and given and len(given) > most:
            return [too_many(path, len(given), most)]
        errors: list[FieldError] = []
        for name, each in (given or {}).items():
            errors += key(name, path) + value(each, f"{path}[{_cut(name, most_shown)}]")
        return errors

    return check


def _version(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    detail = "must be a string compatible with semver.org spec 2.0.0"
    errors = [] if rules.matches(_VERSION, value) else [invalid(path, value, detail)]
    return errors + rules.no_longer_than(MOST_VALUE_BYTES)(value, path)


_GO_NAMES = {"int": "IntValue", "bool": "BoolValue", "string": "StringValue", "version": "VersionValue"}


def _attribute(value: Object, path: str) -> list[FieldError]:
    errors = rules.no_longer_than(MOST_VALUE_BYTES)(value.get("string"), f"{path}.string")
    errors += _version(value.get("version"), f"{path}.version")
    given = sum(value.get(field) is not None for field in _GO_NAMES)
    detail = "exactly one value must be specified"
    if given == 0:
        errors.append(invalid(path, "", detail))
    elif given > 1:
        shown = {name: value.get(field) for field, name in _GO_NAMES.items()}
        shown |= {f"{name}s": None for name in _GO_NAMES.values()}
        errors.append(invalid(path, shown, detail))
    return errors


def _choices(policy: Object, capacity: str, path: str) -> list[FieldError]:
    choices, default = policy["validValues"], policy["default"]
    errors = [
        invalid(f"{path}[{i}]", quantities.canonical(choice), "values must be sorted in ascending order")
        for i, choice in enumerate(choices)
        if i and quantities.parse(choices[i - 1]) > quantities.parse(choice)
    ]
    if len(choices) > MOST_CHOICES:
        errors.append(too_many(path, len(choices), MOST_CHOICES))
        choices = ()
    detail = f"option is larger than capacity value: {quantities.quantity(capacity)}"
    for i, choice in enumerate(choices):
        if quantities.parse(choice) > quantities.parse(capacity):
            errors.append(invalid(f"{path}[{i}]", quantities.canonical(choice), detail))
    whole = [str(_whole(choice)) for choice in choices]
    errors += [duplicate(f"{path}[{i}]", each) for i, each in enumerate(whole) if each in whole[:i]]
    if all(quantities.parse(choice) != quantities.parse(default) for choice in choices):
        detail = "default value is not valid according to the requestPolicy"
        errors.append(invalid(path, quantities.canonical(default), detail))
    return errors


def _whole(amount: str) -> int:
    """Rounded up."""
    return -int(-quantities.parse(amount) // 1)


def _range(policy: Object, capacity: str, path: str) -> list[FieldError]:
    default, limits = policy["default"], policy["validRange"]
    least, most, step = (limits.get(field) for field in ("min", "max", "step"))
    if least is None:
        return [required(f"{path}.min", "required when validRange is defined")]
    errors: list[FieldError] = []

    def compare(field: str, greater: str, than: str, shown: str, said: str, limit: str) -> None:
        if quantities.parse(greater) > quantities.parse(than):
            detail = f"{said}: {quantities.quantity(limit)}"
            errors.append(invalid(f"{path}.{field}", quantities.canonical(shown), detail))

    compare("min", least, capacity, least, "min is larger than capacity value", capacity)
    compare("min", least, default, default, "default is less than min", least)
    if most is not None:
        compare("max", least, most, least, "min is larger than max", most)
        compare("max", most, capacity, most, "max is larger than capacity value", capacity)
        compare("max", default, most, default, "default is more than max", most)
    if step is not None:
        reached = str(quantities.quantity(least) + quantities.quantity(step))
        compare("step", reached, capacity, step, f"one step {reached} is larger than capacity value", capacity)
        detail = (
            f"value is not a multiple of a given step ({quantities.quantity(step)}) from ({quantities.quantity(least)})"
        )
        for amount in (default,) if most is None else (default, most):
            if _whole(step) and (_whole(amount) - _whole(least)) % _whole(step):
                errors.append(invalid(f"{path}.step", quantities.canonical(amount), detail))
    return errors


def _shared_capacity(value: Object, path: str) -> list[FieldError]:
    """A capacity of which several may have a part."""
    policy, capacity, place = value.get("requestPolicy"), value.get("value", "0"), f"{path}.requestPolicy"
    if policy is None:
        return []
    ways: dict[str, Callable[[Object, str, str], list[FieldError]]] = {"validValues": _choices, "validRange": _range}
    given = [field for field in ways if policy.get(field) or isinstance(policy.get(field), dict)]
    if len(given) > 1:
        listed = " and ".join(go_quoted(field) for field in ways)
        return [forbidden(place, f"exactly one policy can be specified, cannot specify {listed} at the same time")]
    for field in given:
        if policy.get("default") is None:
            return [required(f"{place}.default", f"required when {field} is defined")]
        return ways[field](policy, capacity, f"{place}.{field}")
    return []


def _own_capacity(value: Object, path: str) -> list[FieldError]:
    if value.get("requestPolicy") is None:
        return []
    return [forbidden(f"{path}.requestPolicy", "allowMultipleAllocations must be true")]


def _amounts(device: Object, path: str) -> list[FieldError]:
    attributes, capacity = len(device.get("attributes") or ()), len(device.get("capacity") or ())
    errors: list[FieldError] = []
    if attributes + capacity > MOST_ATTRIBUTES:
        detail = f"the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        errors.append(invalid(path, attributes + capacity, detail))
    if attributes > MOST_VALUES:
        detail = f"the total number of attribute values must not exceed {MOST_VALUES}"
        errors.append(invalid(path, attributes, detail))
    return errors


_LONGEST_NAME = 63 + 1 + 32
_ATTRIBUTES = _map(attribute_name, _attribute, _LONGEST_NAME)
_CAPACITY = {
    True: _map(attribute_name, _shared_capacity, _LONGEST_NAME),
    False: _map(attribute_name, _own_capacity, _LONGEST_NAME),
}
_COUNTERS = _map(rules.always_named(names.label), lambda *_: [], 63, MOST_COUNTERS)


def _capacity(device: Object, path: str) -> list[FieldError]:
    return _CAPACITY[bool(device.get("allowMultipleAllocations"))](device.get("capacity"), f"{path}.capacity")


def _counters(value: Any, path: str) -> list[FieldError]:
    return _COUNTERS(value, path) if value else [required(path)]


_CONSUMED = (("counterSet", rules.needed_name(names.label)), ("counters", _counters))
_COUNTER_SET = (("name", rules.needed_name(names.label)), ("counters", _counters))


def _device(old: Object | None, *, has_place: bool) -> Sequence[rules.Row]:
    """The rows of a device; taints that it had before are not looked at."""
    before = {named(device): device.get("taints") for device in (old or {}).get("devices") or ()}

    def taints(device: Object, path: str) -> list[FieldError]:
        given = device.get("taints")
        if named(device) in before and (before[named(device)] or []) == (given or []):
            return []
        return some(MOST_TAINTS, *TAINT)(given, f"{path}.taints")

    return (
        ("name", rules.always_named(names.label)),
        _amounts,
        ("attributes", _ATTRIBUTES),
        _capacity,
        taints,
        (
            "consumesCounters",
            some(MOST_CONSUMED_SETS, *_CONSUMED, by="counterSet"),
        ),
        _PLACE_OF_ONE if has_place else _no_place,
        binding,
    )


def _one_sort(spec: Object, path: str) -> list[FieldError]:
    sent = as_sent.with_empty(spec)
    if sent.get("sharedCounters") is None or sent.get("devices") is None:
        return []
    return [invalid(path, "", "only one of `sharedCounters` or `devices` is allowed")]


def _devices(old: Object | None) -> rules.Rule:
    def check(spec: Object, path: str) -> list[FieldError]:
        devices = spec.get("devices") or ()
        with_more = any(device.get("taints") or device.get("consumesCounters") for device in devices)
        rows = _device(old, has_place=bool(spec.get("perDeviceNodeSelection")))
        most = MOST_DEVICES_WITH_MORE if with_more else MOST_DEVICES
        return some(most, *rows, by="name")(devices, f"{path}.devices")

    return check


_POOL: tuple[rules.Row, ...] = (
    ("driver", driver_name),
    ("pool.name", pool_name),
    ("pool.resourceSliceCount", rules.positive),
    ("pool.generation", rules.told("must be greater than or equal to zero", lambda number: number >= 0)),
)


def _validate(resource_slice: Object, old: Object | None) -> list[FieldError]:
    spec = resource_slice.get("spec") or {}
    errors = rules.check(spec, _POOL, "spec")
    if old is not None:
        errors += rules.unchanged_at(resource_slice, old, "spec.pool.name", "spec.driver", "spec.nodeName")
    rows: tuple[rules.Row, ...] = (
        _PLACE_OF_ALL,
        _one_sort,
        _devices(None if old is None else old.get("spec")),
        ("sharedCounters", some(MOST_COUNTER_SETS, *_COUNTER_SET, by="name")),
    )
    return errors + rules.check(spec, rows, "spec")


def validate_create(resource_slice: Object) -> list[FieldError]:
    return _validate(resource_slice, None)


def warnings(resource_slice: Object, old: Object | None) -> Sequence[str]:
    driver = fields.text_at(resource_slice, "spec.driver")
    if driver == driver.lower():
        return []
    return [f"spec.driver: driver names should be lowercase; {go_quoted(driver)} contains uppercase characters"]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate_create,
    validate_update=_validate,
    warnings=warnings,
    selectable_fields={
        "spec.nodeName": lambda each: fields.text_at(each, "spec.nodeName"),
        "spec.driver": lambda each: fields.text_at(each, "spec.driver"),
    },
    returns_deleted_object=True,
)
