"""ResourceClaims: which devices somebody wants; it never changes, and its status says which were given."""

from __future__ import annotations

import uuid
from typing import Any

from fakekube.kinds import device_rules, pod_spec
from fakekube.kinds.csi_names import driver_name
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    invalid_object,
    not_supported,
    required,
    too_many,
)
from fakekube.registry.kind import Object, Operation, Strategy

GROUP, KIND, SPEC = "resource.k8s.io", "ResourceClaim", "resource.v1.ResourceClaimSpec"
MOST_CONSUMERS, MOST_RESULTS, MOST_CONDITIONS, MOST_ADDRESSES = 256, 32, 8, 16
MOST_DATA_BYTES, MOST_INTERFACE_BYTES, MOST_HARDWARE_BYTES = 10 * 1024, 256, 128

validate_create = rules.table(("spec.devices", device_rules.claim))


def prepare_create(claim: Object, operation: Operation) -> None:
    if errors := device_rules.admin_access(claim, fields.at(claim, "spec.devices"), operation):
        raise invalid_object(GROUP, KIND, claim["metadata"].get("name", ""), [*errors, *validate_create(claim)])


def _device_key(device: Object) -> tuple[str, ...]:
    return tuple(device.get(field) or "" for field in ("driver", "pool", "device", "shareID"))


def _shown_key(device: Object) -> Object:
    driver, pool, name, share = _device_key(device)
    return {"Driver": driver, "Pool": pool, "Device": name, "ShareID": share}


def _allocated(claim: Object) -> set[tuple[str, ...]]:
    return {_device_key(result) for result in fields.at(claim, "status.allocation.devices.results") or ()}


def prepare_status_update(claim: Object, old: Object, operation: Operation) -> None:
    """What was said of devices goes with them."""
    gone = _allocated(old) - _allocated(claim)
    status = claim.get("status") or {}
    if gone and status.get("devices"):
        left = [device for device in status["devices"] if _device_key(device) not in gone]
        fields.put_or_drop(status, "devices", left, "resource.v1.ResourceClaimStatus")
    errors: list[FieldError] = []
    if not _granted(old) and (granted := _granted(claim)):
        place = f"status.allocation.devices.results[{granted[0]}].adminAccess"
        errors += device_rules.admin_namespace(claim, place, operation)
    if errors := [*errors, *_missing_rights(claim, old, operation)]:
        raise invalid_object(GROUP, KIND, claim["metadata"]["name"], [*errors, *validate_status(claim, old)])


def _missing_rights(claim: Object, old: Object, operation: Operation) -> list[FieldError]:
    """Who writes the status needs the right to bind claims, or to speak for a driver, on its node or anywhere."""
    status, before, verb = claim.get("status") or {}, old.get("status") or {}, operation.verb
    errors: list[FieldError] = []
    binds = any(status.get(field) != before.get(field) for field in ("allocation", "reservedFor"))
    if binds and (why := operation.refusal(verb, GROUP, "resourceclaims", "binding", "", "")):
        right = f'changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="{verb}"'
        errors.append(forbidden("status.allocation", f"{right} permission: {why}"))
    verbs = [f"{where}-node:{verb}" for where in ("associated", "arbitrary")[not _is_on_node(claim, operation) :]]
    for driver in sorted(_drivers_of_changes(status, before)):
        refusals = [
            operation.refusal(each, GROUP, "resourceclaims", "driver", claim["metadata"]["namespace"], driver)
            for each in verbs
        ]
        if all(refusals):
            right = f'changing status.devices requires resource="resourceclaims/driver", verb="[{" ".join(verbs)}]"'
            errors.append(forbidden("status.devices", f"{right} permission: {refusals[0]}"))
    return errors


def _drivers_of_changes(status: Object, before: Object) -> set[str]:
    """The drivers of the devices of which another thing is said than before."""
    new, old = ({_device_key(each): each for each in one.get("devices") or ()} for one in (status, before))
    return {key[0] for key in new.keys() | old.keys() if new.get(key) != old.get(key)}


def _is_on_node(claim: Object, operation: Operation) -> bool:
    """Whether the user is a service account in a pod on the node for which the claim is allocated."""
    nodes = operation.user.extra.get("authentication.kubernetes.io/node-name", ())
    if len(nodes) != 1 or not operation.user.name.startswith("system:serviceaccount:"):
        return False
    selected = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [nodes[0]]}]}
    return bool(fields.at(claim, "status.allocation.nodeSelector.nodeSelectorTerms") == [selected])


def _granted(claim: Object) -> list[int]:
    """Which results are for administrators."""
    results = fields.at(claim, "status.allocation.devices.results") or ()
    return [i for i, result in enumerate(results) if result.get("adminAccess")]


def _share(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return []
    if problem := _uuid_problem(value):
        return [invalid(path, value, f"error validating uid: {problem}")]
    if len(value) == 36 and value == value.lower():
        return []
    detail = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"
    return [invalid(path, value, detail)]


def _uuid_problem(text: str) -> str:
    """What Go's uuid package says of a text: with `urn:uuid:`, braces or without dashes it is good as well."""
    size = len(text.encode())
    if size not in (36, 36 + 9, 36 + 2, 32):
        return f"invalid UUID length: {size}"
    if size == 36 + 9:
        if text[:9].lower() != "urn:uuid:":
            return f'invalid urn prefix: "{text[:9]}"'
        text = text[9:]
    elif size == 36 + 2:
        if text[0] != "{" or text[-1] != "}":
            return "invalid bracketed UUID format"
        text = text[1:-1]
    if len(text) == 36 and any(text[i] != "-" for i in (8, 13, 18, 23)):
        return "invalid UUID format"
    try:
        uuid.UUID(text.replace("-", ""))
    except ValueError:
        return "invalid UUID format"
    return ""


_CONSUMER = (("resource", rules.needed), ("name", rules.needed), ("uid", rules.needed))
_CONSUMERS = device_rules.some(MOST_CONSUMERS, *_CONSUMER, by="uid")


def _conditions(value: Any, path: str) -> list[FieldError]:
    errors = [too_many(path, len(value), MOST_CONDITIONS)] if value and len(value) > MOST_CONDITIONS else []
    return errors + rules.conditions(value, path)


def _data(value: Any, path: str) -> list[FieldError]:
    return [] if value is None else device_rules.json_object(MOST_DATA_BYTES)(value, path)


def _interface_address(text: str) -> list[str]:
    """An address with the length of its prefix, in the one form that it has."""
    host, _, length = text.partition("/")
    address = names.parsed_ip(host)
    if address is None or names.parsed_cidr(text) is None:
        return ["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"]
    bits = int(length)
    if address.version == 6 and address.ipv4_mapped is not None:
        address, bits = address.ipv4_mapped, bits - 96 if bits > 32 else bits
    canonical = f"{address}/{bits}"
    return [] if text == canonical else [f'must be in canonical form ("{canonical}")']


_NETWORK = rules.within(
    ("interfaceName", rules.no_longer_than(MOST_INTERFACE_BYTES)),
    ("hardwareAddress", rules.no_longer_than(MOST_HARDWARE_BYTES)),
    ("ips", device_rules.some_values(MOST_ADDRESSES, rules.always_named(_interface_address), unique=True)),
)


def _devices(allocated: set[tuple[str, ...]]) -> rules.Rule:
    def is_allocated(device: Object, path: str) -> list[FieldError]:
        if _device_key(device) in allocated:
            return []
        return [invalid(path, _shown_key(device), "must be an allocated device in the claim")]

    rows: tuple[rules.Row, ...] = (
        ("driver", driver_name),
        ("pool", device_rules.pool_name),
        ("device", rules.always_named(names.label)),
        ("shareID", _share),
        is_allocated,
        ("conditions", _conditions),
        ("data", _data),
        ("networkData", _NETWORK),
    )

    def check(value: Any, path: str) -> list[FieldError]:
        errors = rules.each(*rows)(value, path)
        keys = [_device_key(device) for device in value or ()]
        for i, device in enumerate(value or ()):
            if keys[i] in keys[:i]:
                errors.append(duplicate(f"{path}[{i}]", _shown_key(device)))
        return errors

    return check


def _source(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    choices = ("FromClaim", "FromClass")
    return [] if value in choices else [not_supported(path, value, choices)]


def _allocation(value: Any, known: device_rules.RequestNames, path: str) -> list[FieldError]:
    result: tuple[rules.Row, ...] = (
        ("request", device_rules.reference(known)),
        ("driver", driver_name),
        ("pool", device_rules.pool_name),
        ("device", rules.always_named(names.label)),
        device_rules.binding,
        ("shareID", _share),
    )
    config: tuple[rules.Row, ...] = (
        ("source", _source),
        device_rules.references(known),
        device_rules.configuration,
    )
    rows: tuple[rules.Row, ...] = (
        ("devices.results", device_rules.some(MOST_RESULTS, *result)),
        ("devices.config", device_rules.some(2 * device_rules.MOST_CONFIGS, *config)),
    )
    errors = rules.check(value, rows, path)
    if value.get("nodeSelector") is not None:
        errors += pod_spec.node_selector(value["nodeSelector"], f"{path}.nodeSelector")
    return errors


def validate_status(claim: Object, old: Object) -> list[FieldError]:
    status, before = claim.get("status") or {}, old.get("status") or {}
    reserved, allocation, was = status.get("reservedFor"), status.get("allocation"), before.get("allocation")
    errors = _CONSUMERS(reserved, "status.reservedFor")
    errors += _devices(_allocated(claim))(status.get("devices"), "status.devices")
    if reserved and allocation is None:
        errors.append(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"))
    elif reserved and claim["metadata"].get("deletionTimestamp"):
        known = before.get("reservedFor") or ()
        if any(consumer not in known for consumer in reserved):
            detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
            errors.append(forbidden("status.reservedFor", detail))
    if allocation is None:
        return errors
    if was is None:
        known_requests = device_rules.request_names(fields.at(claim, "spec.devices") or {})
        return errors + _allocation(allocation, known_requests, "status.allocation")
    shown = go_structs.shown_type("resource.v1.AllocationResult", allocation)
    return errors + rules.unchanged_text(allocation, was, "status.allocation", shown=shown)


def validate_update(claim: Object, old: Object) -> list[FieldError]:
    shown = go_structs.shown_type(SPEC, claim.get("spec"))
    return rules.unchanged_text(claim.get("spec"), old.get("spec"), "spec", shown=shown)


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    validate_create=validate_create,
    validate_update=validate_update,
    validate_status_update=validate_status,
    returns_deleted_object=True,
)
