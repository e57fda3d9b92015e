"""What is posted and not stored: bindings, evictions, reviews, tokens; and component statuses, which are read and not stored."""

from __future__ import annotations

from typing import Any

from .conftest import POD, SHOP, Ask

SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
REVIEWS = "/apis/authorization.k8s.io/v1"


async def test_a_binding_is_posted_at_the_pod_or_the_older_way(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "a", spec=POD)
    await make(f"{SHOP}/pods", "b", spec=POD)
    target = {"kind": "Node", "name": "n"}

    at_pod = await ask("POST", f"{SHOP}/pods/a/binding", {"metadata": {"name": "a"}, "target": target})
    older = await ask("POST", f"{SHOP}/bindings", {"metadata": {"name": "b"}, "target": target})

    assert (at_pod.status, at_pod.json(), older.json()) == (201, SUCCESS, SUCCESS)
    for name in ("a", "b"):
        assert (await ask("GET", f"{SHOP}/pods/{name}")).json()["spec"]["nodeName"] == "n"


async def test_the_uid_of_a_binding_counts_at_the_pod_alone(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "a", spec=POD)
    binding = {"metadata": {"name": "a", "uid": "other"}, "target": {"name": "n"}}

    assert (await ask("POST", f"{SHOP}/pods/a/binding?dryRun=All", binding)).status == 409
    assert (await ask("POST", f"{SHOP}/bindings?dryRun=All", binding)).status == 201


async def test_both_mistakes_of_a_target_are_told(ask: Ask) -> None:
    answer = await ask("POST", f"{SHOP}/bindings", {"metadata": {"name": "p"}, "target": {"kind": "Pod"}})

    assert (answer.status, answer.message) == (
        500,
        '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
    )


async def test_an_eviction_may_be_of_the_old_version(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "p", spec=POD)
    eviction = {"kind": "Eviction", "apiVersion": "policy/v1beta1", "metadata": {"name": "p"}}

    answer = await ask("POST", f"{SHOP}/pods/p/eviction", eviction)

    assert (answer.status, answer.json()) == (201, SUCCESS)
    assert (await ask("GET", f"{SHOP}/pods/p")).status == 404


async def test_reviews_and_tokens_tell_who_owns_what(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/serviceaccounts", "robot")

    review = await ask(
        "POST", f"{REVIEWS}/subjectaccessreviews?fieldManager=m", {"spec": {"user": "a", "resourceAttributes": {}}}
    )
    token = await ask("POST", f"{SHOP}/serviceaccounts/robot/token?fieldManager=m", {})

    (of_review,), (of_token,) = (each.json()["metadata"]["managedFields"] for each in (review, token))
    assert of_review["fieldsV1"] == {"f:spec": {"f:resourceAttributes": {}, "f:user": {}}}
    assert (of_token["manager"], of_token["subresource"]) == ("m", "token")
    assert of_token["fieldsV1"] == {"f:spec": {"f:expirationSeconds": {}}}


async def test_what_is_posted_at_a_door_is_of_its_kind(ask: Ask) -> None:
    answer = await ask("POST", f"{SHOP}/pods/p/binding", {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}})

    assert answer.message == (
        'Pod in version "v1" cannot be handled as a Binding: converting (v1.Pod) to (core.Binding): unknown conversion'
    )


async def test_a_review_is_answered_and_has_no_table(ask: Ask) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

    plain = await ask("POST", path, {"metadata": {"name": "x", "uid": "y"}})
    table = await ask("POST", path, {}, accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    assert (plain.status, table.status) == (201, 406)
    assert list(plain.json()["metadata"]) == ["creationTimestamp"]
    assert plain.json()["status"]["userInfo"] == {
        "username": "admin",
        "groups": ["system:masters", "system:authenticated"],
    }


async def test_a_review_tells_which_binding_allows(ask: Ask, make: Any) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    await make(f"{rbac}/clusterroles", "r", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])
    reference = {"kind": "ClusterRole", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    subjects = [{"kind": "ServiceAccount", "name": "robot"}, {"kind": "Group", "name": "dev"}]
    await make(f"{rbac}/namespaces/shop/rolebindings", "b", roleRef=reference, subjects=subjects)
    resource = {"verb": "get", "resource": "pods", "namespace": "shop"}

    group = {"groups": ["dev"], "resourceAttributes": resource}
    robot = {"user": "system:serviceaccount:shop:robot", "resourceAttributes": resource}
    by_group = await ask("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": group})
    by_name = await ask("POST", f"{REVIEWS}/namespaces/shop/localsubjectaccessreviews", {"spec": robot})

    binding = 'RBAC: allowed by RoleBinding "b/shop" of ClusterRole "r" to'
    assert by_group.json()["status"] == {"allowed": True, "reason": f'{binding} Group "dev"'}
    assert by_name.json()["status"] == {"allowed": True, "reason": f'{binding} ServiceAccount "robot/shop"'}
    assert by_name.json()["metadata"]["namespace"] == "shop"


async def test_create_only_kinds_have_no_objects_and_no_list(ask: Ask) -> None:
    assert (await ask("GET", f"{REVIEWS}/subjectaccessreviews")).status == 405
    assert (await ask("GET", f"{REVIEWS}/subjectaccessreviews/x")).status == 404
    assert (await ask("POST", f"{REVIEWS}/localsubjectaccessreviews", {})).status == 404


async def test_a_token_is_answered_with_what_was_asked_and_what_is_so_by_default(ask: Ask, make: Any) -> None:
    made = await make(f"{SHOP}/serviceaccounts", "robot")

    answer = await ask("POST", f"{SHOP}/serviceaccounts/robot/token", {})

    assert answer.status == 201
    request = answer.json()
    assert request["metadata"]["uid"] == made["metadata"]["uid"]
    audiences = ["https://kubernetes.default.svc.cluster.local"]
    assert request["spec"] == {"audiences": audiences, "expirationSeconds": 3600, "boundObjectRef": None}
    assert request["status"]["token"].count(".") == 2


async def test_component_statuses_are_made_up_on_reading(ask: Ask) -> None:
    every, one = await ask("GET", "/api/v1/componentstatuses"), await ask("GET", "/api/v1/componentstatuses/scheduler")
    table = await ask("GET", "/api/v1/componentstatuses", accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    assert (every.json()["metadata"], len(every.json()["items"])) == ({}, 3)
    assert one.json()["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
    assert table.json()["rows"][0]["cells"] == ["controller-manager", "Healthy", "ok", ""]
    assert (await ask("GET", "/api/v1/componentstatuses/none")).message == "Component not found: none"
    assert (await ask("GET", "/api/v1/componentstatuses?watch=1")).status == 405
