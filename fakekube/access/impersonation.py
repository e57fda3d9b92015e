"""Acting as somebody else: the Impersonate-* headers, each permitted by a rule of its own.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote

from fakekube.access.authorization import SERVICE_ACCOUNT_PREFIX, Asked
from fakekube.errors import BadRequest
from fakekube.registry.user import ANONYMOUS, User

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
EXTRA_PREFIX = "impersonate-extra-"

Check = Callable[[User, Asked], None]


def impersonated(user: User, headers: Iterable[tuple[str, str]], check: Check) -> User:
    """Who the request acts as: `user` without such headers. `headers` are lower-case names with values, in order.

    `check` raises Forbidden for what `user` may not impersonate.
    """
    name, uid, groups = "", "", []
    extra: dict[str, list[str]] = {}
    for header, value in headers:
        if header == "impersonate-user":
            name = name or value
        elif header == "impersonate-uid":
            uid = uid or value
        elif header == "impersonate-group":
            groups.append(value)
        elif header.startswith(EXTRA_PREFIX):
            extra.setdefault(unquote(header.removeprefix(EXTRA_PREFIX)), []).append(value)
    if not name:
        if uid or groups or extra:
            raise BadRequest("requested impersonation without impersonating a user")
        return user
    if name.startswith(SERVICE_ACCOUNT_PREFIX) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        check(user, _asked("serviceaccounts", account, namespace=namespace))
        if not groups:
            groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    else:
        check(user, _asked("users", name))
    for group in groups:
        check(user, _asked("groups", group))
    for key, values in extra.items():
        for value in values:
            check(user, _asked("userextras", value, "authentication.k8s.io", subresource=key))
    if uid:
        check(user, _asked("uids", uid, "authentication.k8s.io"))
    if name == ANONYMOUS.name:
        if UNAUTHENTICATED not in groups:
            groups.append(UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(name, tuple(groups), uid, {key: tuple(values) for key, values in extra.items()})


def _asked(resource: str, name: str, group: str = "", *, namespace: str = "", subresource: str = "") -> Asked:
    return Asked("impersonate", "", True, group, "v1", namespace, resource, subresource, name)
