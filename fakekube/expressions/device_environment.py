"""What the selectors of devices may name: the variable `device`, with its driver, attributes and capacity.

https://kubernetes.io/docs/reference/kubernetes-api/resource/device-class-v1/
"""

from __future__ import annotations

from functools import cache

from fakekube.expressions.environment import CompilationProblem, Environment
from fakekube.expressions.estimates import estimated
from fakekube.expressions.libraries import KUBERNETES, quantities
from fakekube.expressions.programs import Checked
from fakekube.expressions.schema_types import Declaration
from fakekube.expressions.syntax import Index, Select
from fakekube.expressions.types import BOOL, DYN, STRING, Field, ObjectType, Type, map_of

COST_OF_A_SELECTOR = 1_000_000
"""What one evaluation may cost at most, whatever a device says."""
_LONGEST_DRIVER, _MOST_ENTRIES, _LONGEST_VALUE = 63, 32, 64
_AMOUNT = quantities.Quantity.type
_ANY = "google.protobuf.Any"
_ATTRIBUTES = map_of(STRING, DYN)
_DEVICE = ObjectType(
    "kubernetes.DRADevice",
    (),
    {
        "driver": Field(STRING, "driver"),
        "allowMultipleAllocations": Field(BOOL, "allowMultipleAllocations"),
        "attributes": Field(map_of(STRING, _ATTRIBUTES), "attributes"),
        "capacity": Field(map_of(STRING, map_of(STRING, _AMOUNT)), "capacity"),
    },
)
_BINDING = "cel.bind("
"""A macro that is not understood here: what uses it is taken as it is."""


@cache
def environment() -> Environment:
    return Environment({"device": _DEVICE}, KUBERNETES)


def _map(type_: Type, item: Declaration) -> Declaration:
    return Declaration(type_, {}, _MOST_ENTRIES, 0, item)


@cache
def _declaration() -> Declaration:
    fields = _DEVICE.fields
    attribute = Declaration(DYN, {}, _LONGEST_VALUE, 0)
    amount = Declaration(_AMOUNT, {}, 0, 0)
    parts = {
        "driver": Declaration(STRING, {}, _LONGEST_DRIVER, 0),
        "allowMultipleAllocations": Declaration(BOOL, {}, 1, 0),
        "attributes": _map(fields["attributes"].type, _map(_ATTRIBUTES, attribute)),
        "capacity": _map(fields["capacity"].type, _map(map_of(STRING, _AMOUNT), amount)),
    }
    return Declaration(_DEVICE, {}, 0, 0, None, parts, parts)


def problem(text: str) -> str:
    """What a refusal says of an expression; empty: nothing is wrong with it."""
    if _BINDING in text:
        return ""
    try:
        checked = environment().checked(text)
    except CompilationProblem as error:
        # Nothing at all has no place in the text and none to show.
        return error.complaint if text else error.complaint.partition("\n")[0].replace(":1:1:", ":1:0:")
    found = checked.type
    if found == BOOL or (found == DYN and _is_attribute(checked)):
        return ""
    shown = found.in_full
    if found in (_ATTRIBUTES, _DEVICE.fields["attributes"].type):
        shown = shown.replace("dyn", _ANY)
    return f"must evaluate to bool or the unknown type, not {shown}"


def _is_attribute(checked: Checked) -> bool:
    """Whether a value of unknown type is that of an attribute, which may be anything, and not just a part of one."""
    node = checked.node
    return isinstance(node, Select | Index) and checked.types.get(id(node.operand)) == _ATTRIBUTES


def is_too_complex(text: str) -> bool:
    """Whether an expression with which nothing is wrong might cost too much."""
    return _BINDING not in text and estimated(environment().checked(text), _declaration()).most > COST_OF_A_SELECTOR
