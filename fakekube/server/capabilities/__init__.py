"""What leaves the registry: questions that are answered at once, and doors that lead to a node.

cluster.py hands the table to the control plane. A capability takes the Exchange of a request and returns its Response; it may raise any
StatusError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fakekube.server.capabilities import component_statuses, logs, placement, proxies, reviews, streams, tokens
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response

CAPABILITIES: Mapping[str, Callable[[Exchange], Awaitable[Response]]] = {
    "bindings": placement.create_binding,
    "pods/binding": placement.bind_pod,
    "pods/eviction": placement.evict_pod,
    "pods/log": logs.read_log,
    "pods/exec": streams.run_command,
    "pods/attach": streams.attach,
    "pods/portforward": streams.forward_ports,
    "pods/proxy": proxies.to_pod,
    "services/proxy": proxies.to_service,
    "nodes/proxy": proxies.to_node,
    "serviceaccounts/token": tokens.create_token,
    "selfsubjectreviews": reviews.self_subject_review,
    "tokenreviews": reviews.token_review,
    "subjectaccessreviews": reviews.subject_access_review,
    "localsubjectaccessreviews": reviews.local_subject_access_review,
    "selfsubjectaccessreviews": reviews.self_subject_access_review,
    "selfsubjectrulesreviews": reviews.self_subject_rules_review,
    "componentstatuses": component_statuses.read,
}
"""By resource, and where there is one by subresource."""
