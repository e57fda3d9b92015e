"""Gathers the rules of ClusterRoles that say `aggregationRule` from the roles that their selectors find.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
"""

from __future__ import annotations

from collections.abc import Iterable

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch
from fakekube.objects.selectors import label_selector_of

ROLES = "clusterroles.rbac.authorization.k8s.io"

ALL: Key = ("", "")
"""The one key: any role may be part of any other, so all that aggregate are looked at when one changes."""


def everything(role: Object) -> Iterable[Key]:
    return (ALL,)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    roles = context.client.list(ROLES)
    for role in roles:
        if role.get("aggregationRule") is None or "deletionTimestamp" in role["metadata"]:
            continue
        rules = gathered(role, roles)
        if rules != (role.get("rules") or []):
            configuration = {
                "kind": "ClusterRole",
                "apiVersion": role["apiVersion"],
                "metadata": {"name": role["metadata"]["name"]},
            }
            if rules:
                configuration["rules"] = rules
            await context.client.apply(ROLES, configuration)
            # What has changed now may be part of others: the change brings us here again.
    return None


def gathered(role: Object, roles: Iterable[Object]) -> list[Object]:
    """The rules of all other roles that match: selectors in order, roles by name, each rule once. `roles` are in the order of names."""
    rules: list[Object] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        matcher = label_selector_of(selector)
        for other in roles:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if matcher.matches(other["metadata"].get("labels")):
                rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules


CONTROLLER = Controller(
    name="clusterrole-aggregation-controller",
    field_manager="clusterrole-aggregation-controller",
    watches=(Watch(ROLES, key=everything),),
    reconcile=reconcile,
    patient=True,
)
