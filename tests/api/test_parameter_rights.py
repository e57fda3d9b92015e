"""Whoever has policies read parameters must be permitted to read these."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.access.authorization import Authorizer
from fakekube.admission import CHAIN, Chain
from fakekube.api import create, patch
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import Invalid
from fakekube.objects.patches import MERGE_PATCH
from fakekube.registry.user import User
from tests.api.conftest import MakeCall, Put

JANE = User("jane", ("staff", "system:authenticated"), "7", {"b": ("x",), "a": ("y", "z")})
SHOWN = "&{jane 7 [staff system:authenticated] map[a:[y z] b:[x]]}"
RBAC = "rbac.authorization.k8s.io"
RULES = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
SETTINGS = {"name": "settings", "namespace": "shop", "parameterNotFoundAction": "Deny"}

Object = dict[str, Any]


def policies(word: str, what: str = "ies") -> str:
    return f"{word}admissionpolic{what}.admissionregistration.k8s.io"


def policy(word: str, kind: str = "ConfigMap", name: str = "p") -> Object:
    spec: Object = {"matchConstraints": {"resourceRules": RULES}, "paramKind": {"apiVersion": "v1", "kind": kind}}
    if word == "validating":
        spec["validations"] = [{"expression": "true"}]
    else:
        mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}
        spec |= {"mutations": [mutation], "reinvocationPolicy": "Never"}
    return {"metadata": {"name": name}, "spec": spec}


def binding(word: str, reference: Object = SETTINGS, policy: str = "p") -> Object:
    actions = {"validationActions": ["Deny"]} if word == "validating" else {}
    return {"metadata": {"name": "b"}, "spec": {"policyName": policy, "paramRef": reference, **actions}}


@pytest.fixture
def guarded(plane: ControlPlane) -> ControlPlane:
    plane.authorizer = Authorizer(plane.store)
    plane.admission = Chain([plugin for plugin in CHAIN if plugin.name == "parameter_rights"])
    return plane


async def made_by(user: User, plane: ControlPlane, call: MakeCall, resource: str, obj: Object) -> None:
    making = call(resource)
    making.user, making.is_authorized = user, True
    await create.create(plane, making, obj)


async def grant(put: Put, *verbs: str, scope: str = "cluster") -> None:
    """Jane may do that to ConfigMaps."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}]
    await put(f"{scope}roles.{RBAC}".replace("namespace", ""), "reader", rules=rules)
    kind = "ClusterRole" if scope == "cluster" else "Role"
    reference = {"apiGroup": RBAC, "kind": kind, "name": "reader"}
    subjects = [{"kind": "User", "name": "jane", "apiGroup": RBAC}]
    await put(f"{scope}rolebindings.{RBAC}".replace("namespace", ""), "reader", subjects=subjects, roleRef=reference)


async def refused(plane: ControlPlane, call: MakeCall, resource: str, obj: Object) -> str:
    with pytest.raises(Invalid) as raised:
        await made_by(JANE, plane, call, resource, obj)
    return str(raised.value).partition("is invalid: ")[2]


@pytest.mark.parametrize("word", ["validating", "mutating"])
async def test_a_policy_wants_all_objects_of_its_kind_of_parameters_to_be_readable(
    guarded: ControlPlane, call: MakeCall, put: Put, word: str
) -> None:
    text = await refused(guarded, call, policies(word), policy(word))

    assert text == (
        f'spec.paramKind: Forbidden: user {SHOWN} must have "get" permission on all objects of the referenced paramKind '
        "(kind=ConfigMap, apiVersion=v1)"
    )
    await grant(put, "get")
    await made_by(JANE, guarded, call, policies(word), policy(word))


async def test_a_right_in_one_namespace_is_not_enough_for_a_policy(
    guarded: ControlPlane, call: MakeCall, put: Put
) -> None:
    await grant(put, "get", scope="namespace")

    assert "must have" in await refused(guarded, call, policies("validating"), policy("validating"))


async def test_a_kind_that_is_not_there_wants_the_right_to_everything(
    guarded: ControlPlane, call: MakeCall, put: Put
) -> None:
    await grant(put, "get")

    text = await refused(guarded, call, policies("validating"), policy("validating", "Nothing"))

    assert text.endswith("(kind=Nothing, apiVersion=v1)")


async def test_administrators_and_policies_without_parameters_are_not_asked(
    guarded: ControlPlane, call: MakeCall
) -> None:
    without = policy("validating")
    del without["spec"]["paramKind"]

    await made_by(JANE, guarded, call, policies("validating"), without)
    await made_by(User("root", ("system:masters",)), guarded, call, policies("mutating"), policy("mutating"))


async def test_of_an_update_only_a_new_kind_of_parameters_is_asked(
    guarded: ControlPlane, call: MakeCall, put: Put
) -> None:
    await put(policies("validating"), "p", spec=policy("validating")["spec"])
    changing = call(policies("validating"), "p")
    changing.user, changing.is_authorized = JANE, True

    await patch.patch(guarded, changing, b'{"spec":{"failurePolicy":"Ignore"}}', MERGE_PATCH)

    with pytest.raises(Invalid, match="kind=Secret"):
        await patch.patch(guarded, changing, b'{"spec":{"paramKind":{"kind":"Secret"}}}', MERGE_PATCH)


async def test_a_binding_wants_what_it_names_to_be_readable(guarded: ControlPlane, call: MakeCall, put: Put) -> None:
    await put(policies("validating"), "p", spec=policy("validating")["spec"])
    bindings = policies("validating", "ybindings")

    text = await refused(guarded, call, bindings, binding("validating"))

    assert text == (
        f'spec.paramRef: Forbidden: user {SHOWN} does not have "get" permission on the object referenced by paramRef'
    )
    await grant(put, "get", scope="namespace")
    selected = {"selector": {}, "parameterNotFoundAction": "Allow"}
    assert 'does not have "list" permission' in await refused(guarded, call, bindings, binding("validating", selected))
    await made_by(JANE, guarded, call, bindings, binding("validating"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "unable to get policy none"),
        ("lost", "unable to resolve paramKind &{v1 Nothing}"),
    ],
)
async def test_a_binding_to_parameters_that_nobody_knows_wants_the_right_to_everything(
    guarded: ControlPlane, call: MakeCall, put: Put, name: str, why: str
) -> None:
    await grant(put, "get")
    await put(policies("validating"), "lost", spec=policy("validating", "Nothing")["spec"])

    text = await refused(guarded, call, policies("validating", "ybindings"), binding("validating", policy=name))

    least = f'to determine minimum required permissions and user {SHOWN} does not have "get" permission for all groups'
    assert text == f"spec.paramRef: Forbidden: {why} {least}, versions and resources"


async def test_bindings_of_mutating_policies_are_worded_as_the_server_does(
    guarded: ControlPlane, call: MakeCall
) -> None:
    text = await refused(guarded, call, policies("mutating", "ybindings"), binding("mutating"))

    assert text == (
        f'spec.paramRef: Forbidden: user get does not have "{SHOWN}" permission on the object referenced by paramRef'
    )
