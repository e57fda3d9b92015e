from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]

KIND = "resourceclaims.resource.k8s.io"

REFUSALS: list[tuple[Any, list[str]]] = [
    (
        {
            "spec": {
                "devices": {
                    "requests": [{"name": "r"}, {"name": "a", "exactly": {"deviceClassName": "", "count": -1}}],
                    "constraints": [{"requests": ["b"], "matchAttribute": "x.example.com/y"}],
                }
            }
        },
        [
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
            "spec.devices.requests[1].exactly.deviceClassName: Required value",
            "spec.devices.requests[1].exactly.count: Invalid value: -1: must be greater than zero",
            'spec.devices.constraints[0].requests[0]: Invalid value: "b": must be the name of a request in the claim '
            "or the name of a request and a subrequest separated by '/'",
        ],
    ),
]


@pytest.mark.parametrize(("sent", "texts"), REFUSALS)
def test_claim_is_refused(refused: Refused, sent: Any, texts: list[str]) -> None:
    assert refused(KIND, sent) == texts


def test_driver_of_a_slice_stays(refused_change: Refused) -> None:
    pool = {"name": "p", "resourceSliceCount": 1}
    old, new = ({"spec": {"driver": f"{each}.example.com", "nodeName": "n", "pool": pool}} for each in "xy")

    assert refused_change("resourceslices.resource.k8s.io", old, new) == [
        'spec.driver: Invalid value: "y.example.com": field is immutable'
    ]


NO_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
NO_IDENTIFIER = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' "
    "(e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
)
PLACES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
EXACTLY = {"name": "r", "exactly": {"deviceClassName": "c"}}
SLICE = {"driver": "d.example.com", "pool": {"name": "p", "resourceSliceCount": 1}, "nodeName": "n"}


def _of_claim(**devices: Any) -> Any:
    return {"spec": {"devices": {"requests": [EXACTLY], **devices}}}


def _of_slice(**device: Any) -> Any:
    return {"spec": {**SLICE, "devices": [{"name": "d", **device}]}}


def _of_policy(**policy: Any) -> Any:
    return _of_slice(allowMultipleAllocations=True, capacity={"m": {"value": "10", "requestPolicy": policy}})


MORE_REFUSALS: list[tuple[str, Any, list[str]]] = [
    (
        KIND,
        _of_claim(constraints=[{"requests": ["r/s", "a/b/c", "r", "r"]}]),
        [
            f'spec.devices.constraints[0].requests[0]: Invalid value: "r/s": {NO_REQUEST}',
            f'spec.devices.constraints[0].requests[1]: Invalid value: "a/b/c": {NO_REQUEST}',
            'spec.devices.constraints[0].requests[3]: Duplicate value: "r"',
            'spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but '
            "multiple fields are set",
        ],
    ),
    (
        KIND,
        _of_claim(constraints=[{"matchAttribute": "1a"}]),
        [
            f'spec.devices.constraints[0].matchAttribute: Invalid value: "1a": {NO_IDENTIFIER}',
            'spec.devices.constraints[0].matchAttribute: Invalid value: "1a": a fully qualified name must be a domain and a name '
            "separated by a slash",
        ],
    ),
    (
        KIND,
        {"spec": {"devices": {"requests": [EXACTLY, EXACTLY, {"name": "", "exactly": {"deviceClassName": "c"}}]}}},
        [
            f'spec.devices.requests[2].name: Invalid value: "": {NO_LABEL}',
            'spec.devices.requests[1]: Duplicate value: "r"',
        ],
    ),
    (
        KIND,
        _of_claim(config=[{"opaque": {"driver": "d", "parameters": {"a": "x" * 10240}}}, {}] + 31 * [{}]),
        ["spec.devices.config: Too many: 33: must have at most 32 items"],
    ),
    (
        KIND,
        _of_claim(config=[{"opaque": {"driver": "d", "parameters": {"a": "x" * 10240}}}]),
        ["spec.devices.config[0].opaque.parameters: Too long: may not be more than 10240 bytes"],
    ),
    (
        "deviceclasses.resource.k8s.io",
        {"spec": {"selectors": [{}, {"cel": {"expression": "device.driver"}}], "extendedResourceName": "gpu"}},
        [
            "spec.selectors[0].cel: Required value",
            'spec.selectors[1].cel.expression: Invalid value: "device.driver": must evaluate to bool or the unknown type, not string',
            'spec.extendedResourceName: Invalid value: "gpu": must be a valid extended resource name',
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        {"spec": {**SLICE, "nodeName": "", "allNodes": False}},
        [
            'spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string',
            "spec.allNodes: Invalid value: false: must be either unset or set to true",
            f"spec: Required value: {PLACES}",
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        {"spec": {**SLICE, "allNodes": True}},
        [f'spec: Invalid value: "{{`nodeName`, `allNodes`}}": {PLACES}, but multiple fields are set'],
    ),
    (
        "resourceslices.resource.k8s.io",
        _of_slice(attributes={"a/b/c": {"int": 1}, "1a": {}, "v": {"version": "1", "bool": True}}),
        [
            f'spec.devices[0].attributes: Invalid value: "1a": {NO_IDENTIFIER}',
            'spec.devices[0].attributes[1a]: Invalid value: "": exactly one value must be specified',
            'spec.devices[0].attributes[v].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
            'spec.devices[0].attributes[v]: Invalid value: {"IntValue":null,"BoolValue":true,"StringValue":null,"VersionValue":"1",'
            '"IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}: exactly one value must be specified',
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        _of_slice(bindingFailureConditions=["a"], nodeName="n"),
        [
            "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if "
            "`perDeviceNodeSelection` is set to true in the ResourceSlice spec",
            "spec.devices[0].bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions",
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        _of_slice(capacity={"m": {"value": "1", "requestPolicy": {}}}, consumesCounters=[{"counterSet": ""}]),
        [
            "spec.devices[0].capacity[m].requestPolicy: Forbidden: allowMultipleAllocations must be true",
            "spec.devices[0].consumesCounters[0].counterSet: Required value",
            "spec.devices[0].consumesCounters[0].counters: Required value",
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        _of_policy(default="3", validValues=["2", "1", "20"]),
        [
            'spec.devices[0].capacity[m].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted in ascending order',
            'spec.devices[0].capacity[m].requestPolicy.validValues[2]: Invalid value: "20": option is larger than capacity value: 10',
            'spec.devices[0].capacity[m].requestPolicy.validValues: Invalid value: "3": default value is not valid according to the '
            "requestPolicy",
        ],
    ),
    (
        "resourceslices.resource.k8s.io",
        _of_policy(default="4", validRange={"min": "1", "max": "3", "step": "2"}),
        [
            'spec.devices[0].capacity[m].requestPolicy.validRange.max: Invalid value: "4": default is more than max: 3',
            'spec.devices[0].capacity[m].requestPolicy.validRange.step: Invalid value: "4": value is not a multiple of a given step '
            "(2) from (1)",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "sent", "texts"), MORE_REFUSALS)
def test_devices_are_refused_as_the_real_server_refuses_them(
    refused: Refused, kind: str, sent: Any, texts: list[str]
) -> None:
    assert refused(kind, sent) == texts


EXPRESSIONS = {
    "true": "",
    'device.attributes["a"].b': "",
    'device.capacity["a"].b.compareTo(quantity("1")) > 0': "",
    "device.allowMultipleAllocations": "",
    'device.attributes["a"].b.c': "must evaluate to bool or the unknown type, not dyn",
    'device.attributes["a"]': "must evaluate to bool or the unknown type, not map(string, google.protobuf.Any)",
}


@pytest.mark.parametrize(("expression", "why"), EXPRESSIONS.items())
def test_selectors_are_of_the_type_that_the_server_wants(refused: Refused, expression: str, why: str) -> None:
    sent = {"spec": {"selectors": [{"cel": {"expression": expression}}]}}

    errors = refused("deviceclasses.resource.k8s.io", sent)

    assert [error.rpartition(": ")[2] for error in errors] == ([why] if why else [])


def test_selector_may_not_cost_too_much(refused: Refused) -> None:
    expression = "true"
    for name in "abcde":
        expression = f"device.attributes.all({name}, {expression})"

    assert refused("deviceclasses.resource.k8s.io", {"spec": {"selectors": [{"cel": {"expression": expression}}]}}) == [
        "spec.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit"
    ]


def test_devices_for_administrators_need_a_namespace_for_them(refused: Refused) -> None:
    request = {"name": "r", "exactly": {"deviceClassName": "c", "adminAccess": True}}

    assert refused(KIND, {"spec": {"devices": {"requests": [request]}}}) == [
        "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the "
        "`resource.kubernetes.io/admin-access: true` label on the containing namespace"
    ]


def test_status_of_a_claim_tells_of_devices_that_it_was_given(refused_status: Refused) -> None:
    device = {"driver": "d.example.com", "pool": "p", "device": "d"}
    status = {
        "reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}],
        "allocation": {"devices": {"results": [{"request": "x", **device, "shareID": "x"}]}},
        "devices": [{**device, "networkData": {"ips": ["010.0.0.1/24", "x"]}}],
    }

    assert refused_status(KIND, {**_of_claim(), "status": status}) == [
        'status.devices[0]: Invalid value: {"Driver":"d.example.com","Pool":"p","Device":"d","ShareID":""}: '
        "must be an allocated device in the claim",
        'status.devices[0].networkData.ips[0]: Invalid value: "010.0.0.1/24": must be in canonical form ("10.0.0.1/24")',
        'status.devices[0].networkData.ips[1]: Invalid value: "x": must be a valid address in CIDR form, '
        "(e.g. 10.9.8.7/24 or 2001:db8::1/64)",
        f'status.allocation.devices.results[0].request: Invalid value: "x": {NO_REQUEST}',
        'status.allocation.devices.results[0].shareID: Invalid value: "x": error validating uid: invalid UUID length: 1',
    ]


def test_claim_is_reserved_only_with_devices(refused_status: Refused) -> None:
    consumer = {"resource": "pods", "name": "p", "uid": "u"}

    assert refused_status(KIND, {**_of_claim(), "status": {"reservedFor": [consumer]}}) == [
        "status.reservedFor: Forbidden: may not be specified when `allocated` is not set"
    ]


def test_driver_in_capitals_is_told_of(warned: Refused) -> None:
    assert warned("resourceslices.resource.k8s.io", {"spec": {**SLICE, "driver": "D.example.com"}}) == [
        'spec.driver: driver names should be lowercase; "D.example.com" contains uppercase characters'
    ]
