"""Acting as somebody else: the Impersonate-* headers, and who may send them.

Since 1.36 a requester may be limited to one kind of identity, and to what it does with it. Such constrained modes are tried before the old
one, in which whoever may impersonate a user may do all that this user may.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_to_bytes

from fakekube.access.authorization import NODE_PREFIX, SERVICE_ACCOUNT_PREFIX, Asked, refusal
from fakekube.errors import BadRequest, Forbidden, StatusError
from fakekube.objects import names
from fakekube.objects.field_errors import go_quoted, invalid
from fakekube.registry.user import ANONYMOUS, User, service_account

AUTHENTICATED, UNAUTHENTICATED, MASTERS = "system:authenticated", "system:unauthenticated", "system:masters"
EXTRA_PREFIX = "impersonate-extra-"
NODES = "system:nodes"
NODE_NAME = "authentication.kubernetes.io/node-name"
GROUP = "authentication.k8s.io"

MOST_REMEMBERED = 10_000

Check = Callable[[User, Asked], None]
"""Raises Forbidden."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom the headers name, as they name them. `groups` None: there is no such header."""

    name: str = ""
    uid: str = ""
    groups: Sequence[str] | None = None
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_name_alone(self) -> bool:
        return not self.uid and self.groups is None and not self.extra

    @property
    def node(self) -> str:
        """The name of the node that it is; empty for all others."""
        return self.name.removeprefix(NODE_PREFIX) if self.name.startswith(NODE_PREFIX) else ""

    @property
    def account(self) -> tuple[str, str] | None:
        """(namespace, name) of the service account that it is."""
        if not self.name.startswith(SERVICE_ACCOUNT_PREFIX):
            return None
        namespace, _, name = self.name.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        if list(names.label(namespace)) or list(names.subdomain(name)):
            return None
        return namespace, name

    def __str__(self) -> str:
        """As Go prints its struct."""
        groups = "(nil)" if self.groups is None else f"{{{', '.join(map(go_quoted, self.groups))}}}"
        pairs = (
            f"{go_quoted(key)}:[]string{{{', '.join(map(go_quoted, self.extra[key]))}}}" for key in sorted(self.extra)
        )
        extra = f"{{{', '.join(pairs)}}}" if self.extra else "(nil)"
        return (
            f"&user.DefaultInfo{{Name:{go_quoted(self.name)}, UID:{go_quoted(self.uid)}, Groups:[]string{groups}, "
            f"Extra:map[string][]string{extra}}}"
        )


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to be permitted. `user` tells whom one becomes, or None where the mode does not apply; `checks` what must be allowed."""

    name: str
    user: Callable[[User, Wanted], User | None]
    checks: Callable[[Wanted], Iterator[Asked]]
    """Beside that on the request itself."""
    is_constrained: bool = True


class Impersonator:
    """Remembers by which mode a requester was last permitted: that one is tried first, and words the refusal."""

    def __init__(self) -> None:
        self._last: dict[str, Mode] = {}

    def impersonated(self, user: User, headers: Iterable[tuple[str, str]], asked: Asked, check: Check) -> User:
        """Who the request acts as: `user` without such headers. `headers` are lower-case names with values, in order.

        Raises BadRequest (nobody named), Forbidden, as `check` words it.
        """
        wanted = read(headers)
        if wanted is None:
            return user
        if not wanted.name:
            raise BadRequest(f"requested {wanted} without impersonating a user name")
        first_error: StatusError | None = None
        last = self._last.get(user.name)
        for mode in MODES if last is None else (last, *(mode for mode in MODES if mode is not last)):
            become = mode.user(user, wanted)
            if become is None:
                continue
            try:
                _check(mode, user, wanted, asked, check)
            except Forbidden as error:
                first_error = first_error or error
                continue
            if len(self._last) >= MOST_REMEMBERED:
                self._last.clear()
            self._last[user.name] = mode
            return become
        assert first_error is not None  # the old mode always applies
        raise first_error


def read(headers: Iterable[tuple[str, str]]) -> Wanted | None:
    """Whom the headers name; None when there is none of them."""
    name, uid, found = "", "", False
    groups: list[str] | None = None
    extra: dict[str, list[str]] = {}
    for header, value in headers:
        if header == "impersonate-user":
            name, found = name or value, True
        elif header == "impersonate-uid":
            uid, found = uid or value, True
        elif header == "impersonate-group":
            groups, found = [*(groups or ()), value], True
        elif header.startswith(EXTRA_PREFIX):
            extra.setdefault(_extra_key(header.removeprefix(EXTRA_PREFIX)), []).append(value)
            found = True
    if not found or not (name or uid or groups is not None or extra):
        return None
    return Wanted(name, uid, groups, extra)


def _extra_key(text: str) -> str:
    """Decoded where that works, else as it is."""
    try:
        escapes = text.count("%")
        if escapes and any(len(part) < 2 or not _is_hex(part[:2]) for part in text.split("%")[1:]):
            return text
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)


def _check(mode: Mode, user: User, wanted: Wanted, asked: Asked, check: Check) -> None:
    if mode.is_constrained:
        check(user, replace(asked, verb=f"impersonate-on:{mode.name}:{asked.verb}"))
    looked_at: set[str] = set()
    for each in mode.checks(wanted):
        if mode.is_constrained and each.resource not in looked_at:
            looked_at.add(each.resource)
            # One right for all of them is enough where there are many.
            if (everything := _checked_as_a_whole(user, wanted, each)) and _is_allowed(user, everything, check):
                looked_at.add(f"all {each.resource}")
        if f"all {each.resource}" not in looked_at:
            check(user, each)


_MANY = 4


def _checked_as_a_whole(user: User, wanted: Wanted, first: Asked) -> Asked | None:
    """What lifts the checks of single groups or extras, if they are many. Raises Forbidden for those that nobody may take so."""
    if first.resource == "groups":
        groups = wanted.groups or ()
        if "" in groups:
            raise refusal(user, replace(first, name=""), "impersonating the empty string group is not allowed")
        if MASTERS in groups:
            raise refusal(user, replace(first, name=MASTERS), f"impersonating the {MASTERS} group is not allowed")
        return replace(first, name="*") if len(groups) >= _MANY else None
    if first.resource == "userextras":
        for key, values in wanted.extra.items():
            if why := _why_no_extra(key, values):
                raise refusal(user, replace(first, subresource="", name=""), why)
        if sum(map(len, wanted.extra.values())) >= _MANY:
            return replace(first, subresource="*", name="*")
    return None


def _why_no_extra(key: str, values: Sequence[str]) -> str:
    if not key:
        return "impersonating the empty string key in extra is not allowed"
    if errors := [str(invalid("extra.key", part, why)) for part, why in names.domain_prefixed_path(key)]:
        told = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
        return f"impersonating an invalid key in extra is not allowed: {told}"
    return "impersonating the empty string value in extra is not allowed" if "" in values else ""


def _is_allowed(user: User, asked: Asked, check: Check) -> bool:
    try:
        check(user, asked)
    except Forbidden:
        return False
    return True


def _asked(
    verb: str, resource: str, name: str, group: str = GROUP, *, namespace: str = "", subresource: str = ""
) -> Asked:
    return Asked(verb, "", True, group, "v1", namespace, resource, subresource, name)


def _own_node(user: User, wanted: Wanted) -> User | None:
    own = user.extra.get(NODE_NAME, ())
    if not user.name.startswith(SERVICE_ACCOUNT_PREFIX) or len(own) != 1 or wanted.node != own[0]:
        return None
    return _node(user, wanted)


def _node(user: User, wanted: Wanted) -> User | None:
    return User(wanted.name, (NODES, AUTHENTICATED)) if wanted.node and wanted.is_name_alone else None


def _account(user: User, wanted: Wanted) -> User | None:
    account = wanted.account
    return service_account(*account) if account is not None and wanted.is_name_alone else None


def _user_info(user: User, wanted: Wanted) -> User | None:
    return None if wanted.node or wanted.account is not None else _anybody(user, wanted)


def _anybody(user: User, wanted: Wanted) -> User:
    groups = list(wanted.groups or ())
    account = wanted.account
    if not groups and account is not None:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    if wanted.name == ANONYMOUS.name:
        if UNAUTHENTICATED not in groups:
            groups.append(UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups.append(AUTHENTICATED)
    return User(wanted.name, tuple(groups), wanted.uid, {key: tuple(values) for key, values in wanted.extra.items()})


def _on_own_node(wanted: Wanted) -> Iterator[Asked]:
    yield _asked("impersonate:associated-node", "nodes", "*")


def _on_node(wanted: Wanted) -> Iterator[Asked]:
    yield _asked("impersonate:arbitrary-node", "nodes", wanted.node)


def _on_account(wanted: Wanted) -> Iterator[Asked]:
    assert wanted.account is not None
    namespace, name = wanted.account
    yield _asked("impersonate:serviceaccount", "serviceaccounts", name, namespace=namespace)


def _on_user_info(wanted: Wanted) -> Iterator[Asked]:
    verb = "impersonate:user-info"
    yield _asked(verb, "users", wanted.name)
    yield from _on_the_rest(verb, wanted, GROUP)


def _on_anybody(wanted: Wanted) -> Iterator[Asked]:
    verb = "impersonate"
    if wanted.account is not None:
        namespace, name = wanted.account
        yield _asked(verb, "serviceaccounts", name, "", namespace=namespace)
    else:
        yield _asked(verb, "users", wanted.name, "")
    yield from _on_the_rest(verb, wanted, "")


def _on_the_rest(verb: str, wanted: Wanted, group_of_groups: str) -> Iterator[Asked]:
    if wanted.uid:
        yield _asked(verb, "uids", wanted.uid)
    for group in wanted.groups or ():
        yield _asked(verb, "groups", group, group_of_groups)
    for key, values in wanted.extra.items():
        for value in values:
            yield _asked(verb, "userextras", value, subresource=key)


MODES = (
    Mode("associated-node", _own_node, _on_own_node),
    Mode("arbitrary-node", _node, _on_node),
    Mode("serviceaccount", _account, _on_account),
    Mode("user-info", _user_info, _on_user_info),
    Mode("", _anybody, _on_anybody, is_constrained=False),
)
"""In the order in which they are tried; the last is that of all versions before."""
