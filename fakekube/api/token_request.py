"""A token for a service account: what `serviceaccounts/NAME/token` is asked for, and how it is refused.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, Conflict, conflict, details_of, not_found
from fakekube.objects.field_errors import invalid, invalid_object
from fakekube.registry.kind import Object

GROUP, KIND = "authentication.k8s.io", "TokenRequest"
SHORTEST_S, LONGEST_S = 600, 1 << 32
DEFAULT_S = 3600

BOUND_TO = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
"""Kinds of the core group with which a token may end, and their resources."""


async def admit(plane: ControlPlane, call: Call, request: Object, *, dry_run: bool) -> None:
    """Judge a decoded TokenRequest for the account that `call` names.

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
    seconds = spec.get("expirationSeconds")
    _check_seconds(DEFAULT_S if seconds is None else seconds)
    await plane.admission.validate(request, None, attributes)
    if spec.get("boundObjectRef") is not None:
        _check_bound(plane, call, spec["boundObjectRef"])


def _check_seconds(seconds: int) -> None:
    if seconds < SHORTEST_S:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST_S:
        text = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    # The real server leaves the name out here.
    raise invalid_object(GROUP, KIND, "", [invalid("spec.expirationSeconds", seconds, text)])


def _check_bound(plane: ControlPlane, call: Call, reference: Object) -> None:
    group, _, version = reference.get("apiVersion", "").rpartition("/")
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
