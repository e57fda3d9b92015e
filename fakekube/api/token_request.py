"""A token for a service account: what `serviceaccounts/NAME/token` is asked for, what it answers, and how it refuses.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from datetime import timedelta

from fakekube.access.tokens import ISSUER
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, Conflict, conflict, details_of, not_found
from fakekube.objects.field_errors import invalid, invalid_object
from fakekube.objects.times import from_datetime
from fakekube.registry.create import put_in_order
from fakekube.registry.kind import Object

GROUP, KIND = "authentication.k8s.io", "TokenRequest"
SHORTEST_S, LONGEST_S = 600, 1 << 32

BOUND_TO = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
"""Kinds of the core group with which a token may end, and their resources."""


async def issue(plane: ControlPlane, call: Call, request: Object, *, dry_run: bool) -> Object:
    """The answer to a decoded TokenRequest for the account that `call` names. A dry run gives a token that is as good as any.

    Raises what admission raises, Invalid (name, seconds), NotFound (account, bound object), Conflict (uids), BadRequest (what it is
    bound to).
    """
    attributes = plane.attributes(call, "CREATE", request, dry_run=dry_run)
    await plane.admission.mutate(request, None, attributes)
    metadata, spec = request["metadata"], request["spec"]
    name, uid = metadata.get("name", ""), metadata.get("uid", "")
    if name and name != call.name:
        error = invalid("metadata.name", name, "must match the service account name if specified")
        raise invalid_object(GROUP, KIND, call.name, [error])
    account = plane.get("", "serviceaccounts", call.namespace, call.name)
    if account is None:
        raise not_found("", "serviceaccounts", call.name)
    present = account["metadata"]["uid"]
    if uid and uid != present:
        text = f"the UID in the token request ({uid}) does not match the UID of the service account ({present})"
        raise conflict(GROUP, KIND, call.name, text)
    seconds = spec["expirationSeconds"]
    _check_seconds(seconds)
    now = plane.clock.now()
    metadata |= {
        "name": call.name,
        "namespace": call.namespace,
        "uid": present,
        "creationTimestamp": from_datetime(now),
    }
    audiences = spec["audiences"] = spec.get("audiences") or [ISSUER]
    await plane.admission.validate(request, None, attributes)
    reference = spec.get("boundObjectRef")
    bound = _bound_object(plane, call, reference) if reference is not None else None
    token = plane.service_account_tokens.issue(account, audiences, seconds, bound)
    return {
        "kind": KIND,
        "apiVersion": request["apiVersion"],
        "metadata": put_in_order(metadata),
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference},
        "status": {"token": token, "expirationTimestamp": from_datetime(now + timedelta(seconds=seconds))},
    }


def _check_seconds(seconds: int) -> None:
    if seconds < SHORTEST_S:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST_S:
        text = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    # The real server leaves the name out here.
    raise invalid_object(GROUP, KIND, "", [invalid("spec.expirationSeconds", seconds, text)])


def _bound_object(plane: ControlPlane, call: Call, reference: Object) -> Object:
    group, _, version = reference.get("apiVersion", "").rpartition("/")
    if "/" in group:
        # What cannot be read as a version counts as none.
        group, version = "", ""
    kind, name, uid = reference.get("kind", ""), reference.get("name", ""), reference.get("uid", "")
    resource = BOUND_TO.get(kind)
    if group or resource is None:
        raise BadRequest(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    if not name:
        raise BadRequest("Name parameter required.")
    bound = plane.get("", resource, "" if kind == "Node" else call.namespace, name)
    if bound is None:
        raise not_found("", resource, name)
    if kind == "Pod" and bound["spec"].get("serviceAccountName", "") != call.name:
        text = f'cannot bind token for serviceaccount "{call.name}" to pod running with different serviceaccount name.'
        raise BadRequest(text)
    if uid and uid != bound["metadata"]["uid"]:
        text = (
            f'Operation cannot be fulfilled on {kind} "{name}": the UID in the bound object reference ({uid}) does not match the UID in '
            "record. The object might have been deleted and then recreated"
        )
        raise Conflict(text, details_of("", kind, name))
    return bound
