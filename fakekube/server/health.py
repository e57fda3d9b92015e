"""Is the server well? /healthz, /livez and /readyz with each of their checks.

https://kubernetes.io/docs/reference/using-api/health-checks/
"""

from __future__ import annotations

from fakekube.server.request import Request
from fakekube.server.responses import Response, page_not_found, text

_HOOKS = (
    "start-apiserver-admission-initializer",
    "generic-apiserver-start-informers",
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "storage-object-count-tracker-hook",
    "start-apiextensions-informers",
    "start-apiextensions-controllers",
    "crd-informer-synced",
    "start-system-namespaces-controller",
    "peer-endpoint-reconciler-controller",
    "start-cluster-authentication-info-controller",
    "start-kube-apiserver-identity-lease-controller",
    "start-kube-apiserver-identity-lease-garbage-collector",
    "storage-readiness",
    "start-legacy-token-tracking-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "priority-and-fairness-config-producer",
    "bootstrap-controller",
    "start-kubernetes-service-cidr-controller",
    "start-kube-aggregator-informers",
    "apiservice-status-local-available-controller",
    "apiservice-status-remote-available-controller",
    "apiservice-registration-controller",
    "apiservice-wait-for-first-sync",
    "apiservice-discovery-controller",
    "kube-apiserver-autoregistration",
)
_EVERYWHERE = (
    *(f"poststarthook/{hook}" for hook in _HOOKS),
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)

CHECKS: dict[str, tuple[str, ...]] = {
    "healthz": ("ping", "log", "loopback-serving-certificate", "etcd", *_EVERYWHERE),
    "livez": ("ping", "log", "loopback-serving-certificate", "etcd", *_EVERYWHERE),
    "readyz": ("ping", "log", "informer-sync", *_EVERYWHERE, "shutdown"),
}
"""The checks behind each path, in the order in which ?verbose lists them."""

HEALTH_PATHS = tuple(
    path for root, checks in CHECKS.items() for path in (f"/{root}", *(f"/{root}/{check}" for check in checks))
)


class Health:
    """Every check passes but those named in `failed` (check -> what is wrong, which only the check's own path says)."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def handle(self, request: Request) -> Response | None:
        """The answer, whatever the method; None where the path is none of health's."""
        root, slash, check = request.path[1:].partition("/")
        checks = CHECKS.get(root)
        if checks is None:
            return None
        if not slash:
            return self._all(request, root, checks)
        if check not in checks:
            return page_not_found()
        if check in self.failed:
            return text(f"internal server error: {self.failed[check]}\n", 500, nosniff=True)
        return text("ok")

    def _all(self, request: Request, root: str, checks: tuple[str, ...]) -> Response:
        excluded = set(request.query_values("exclude"))
        lines = []
        passed = True
        for check in checks:
            if check in excluded:
                lines.append(f"[+]{check} excluded: ok\n")
            elif check in self.failed:
                passed = False
                lines.append(f"[-]{check} failed: reason withheld\n")
            else:
                lines.append(f"[+]{check} ok\n")
        unknown = sorted(excluded.difference(checks))
        if unknown:
            names = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}\n")
        if not passed:
            return text("".join([*lines, f"{root} check failed\n"]), 500, nosniff=True)
        if "verbose" in request.query:
            return text("".join([*lines, f"{root} check passed\n"]), nosniff=True)
        return text("ok", nosniff=True)
