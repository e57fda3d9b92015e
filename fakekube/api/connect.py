"""CONNECT: what admission has to say to exec, attach, port-forward and proxies, before anything is connected.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
"""

from __future__ import annotations

from typing import Any

from fakekube.api.call import Call, boolean, parse_int
from fakekube.api.control_plane import ControlPlane
from fakekube.facts import type_of
from fakekube.registry.kind import Object, Subresource

SUBRESOURCES = frozenset({"exec", "attach", "portforward", "proxy"})


async def approve(plane: ControlPlane, call: Call, path: str = "") -> None:
    """`path`: what follows the name of a proxy in the URL.

    Raises what a webhook or a policy refuses with. What mutating ones make of the options is not heeded.
    """
    asked = call.kind, call.subresource, "CONNECT"
    those = plane.webhooks.mutating, plane.webhooks.validating, plane.policies.mutating, plane.policies.validating
    if not any(each.asked(*asked) for each in those):
        return
    options = connect_options(call, call.kind.subresource_named[call.subresource], path)
    attributes = plane.attributes(call, "CONNECT", options, dry_run=False)
    await plane.admission.approve_connection(options, attributes)


def connect_options(call: Call, door: Subresource, path: str = "") -> Object:
    """The query as the object that stands for it: a PodExecOptions, a PodProxyOptions."""
    options: Object = {"kind": door.kind, "apiVersion": door.api_version}
    for name, field in type_of(door.type_name).fields.items():
        value: Any
        if name == "path":
            options[name] = f"/{path.removeprefix('/')}"
            continue
        if field.embedded or name not in call.query:
            continue
        if field.shape == "list":
            texts = call.query_values(name)
            value = [parse_int(text) for text in texts] if field.type == "integer" else list(texts)
        elif field.type == "boolean":
            value = boolean(call.query, name)
        else:
            value = call.query[name]
        if value:
            options[name] = value
    return options
