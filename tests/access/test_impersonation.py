from __future__ import annotations

from collections.abc import Callable

import pytest

from fakekube.access.authorization import Asked, refusal
from fakekube.access.impersonation import Impersonator
from fakekube.errors import BadRequest, Forbidden
from fakekube.registry.user import User

BOB = User("bob", ("system:authenticated",))
LIST_PODS = Asked("list", "", True, "", "v1", "shop", "pods")
JANE = ("impersonate-user", "jane")


def only(*permitted: str) -> Callable[[User, Asked], None]:
    """Permits `VERB RESOURCE NAME`, and nothing else."""

    def check(user: User, asked: Asked) -> None:
        if f"{asked.verb} {asked.rule_resource} {asked.name}".strip() not in permitted:
            raise refusal(user, asked)

    return check


def everything(user: User, asked: Asked) -> None:
    pass


def test_without_such_headers_one_is_oneself() -> None:
    assert Impersonator().impersonated(BOB, [("accept", "*/*")], LIST_PODS, only()) is BOB
    assert Impersonator().impersonated(BOB, [("impersonate-user", "")], LIST_PODS, only()) is BOB


def test_whoever_may_impersonate_becomes_whom_he_names() -> None:
    headers = [
        JANE,
        ("impersonate-group", "dev"),
        ("impersonate-uid", "7"),
        ("impersonate-extra-acme.com%2fteam", "a b"),
        ("impersonate-extra-bad%zz", "x"),
    ]

    user = Impersonator().impersonated(BOB, headers, LIST_PODS, everything)

    assert user == User("jane", ("dev", "system:authenticated"), "7", {"acme.com/team": ("a b",), "bad%zz": ("x",)})


def test_old_rights_suffice() -> None:
    impersonator = Impersonator()

    assert impersonator.impersonated(BOB, [JANE], LIST_PODS, only("impersonate users jane")).name == "jane"
    with pytest.raises(Forbidden, match=r'^users "john" is forbidden: User "bob" cannot impersonate resource "users"'):
        impersonator.impersonated(BOB, [("impersonate-user", "john")], LIST_PODS, only("impersonate users jane"))


def test_whoever_never_might_reads_of_the_first_mode() -> None:
    with pytest.raises(
        Forbidden, match=r'^pods is forbidden: User "bob" cannot impersonate-on:user-info:list resource "pods"'
    ):
        Impersonator().impersonated(BOB, [JANE], LIST_PODS, only())


def test_constrained_rights_are_about_the_identity_and_about_what_it_does() -> None:
    check = only("impersonate-on:user-info:list pods", "impersonate:user-info users jane")

    assert Impersonator().impersonated(BOB, [JANE], LIST_PODS, check).name == "jane"
    with pytest.raises(Forbidden, match="impersonate-on:user-info:get"):
        Impersonator().impersonated(BOB, [JANE], Asked("get", "", True, "", "v1", "shop", "pods", "", "x"), check)


def test_the_masters_are_nobodys_by_constrained_rights() -> None:
    def all_but_the_old_mode(user: User, asked: Asked) -> None:
        if asked.verb == "impersonate":
            raise refusal(user, asked)

    with pytest.raises(Forbidden, match="impersonating the system:masters group is not allowed"):
        Impersonator().impersonated(
            BOB, [JANE, ("impersonate-group", "system:masters")], LIST_PODS, all_but_the_old_mode
        )


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("impersonate-group", "", "impersonating the empty string group is not allowed"),
        ("impersonate-extra-", "v", "impersonating the empty string key in extra is not allowed"),
        ("impersonate-extra-acme.io%2Fk", "", "impersonating the empty string value in extra is not allowed"),
        (
            "impersonate-extra-scopes",
            "v",
            'impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path '
            '(such as "acme.io/foo")',
        ),
    ],
)
def test_constrained_rights_give_nothing_odd(header: str, value: str, told: str) -> None:
    def all_but_the_old_mode(user: User, asked: Asked) -> None:
        if asked.verb == "impersonate":
            raise refusal(user, asked)

    with pytest.raises(Forbidden) as refused:
        Impersonator().impersonated(BOB, [JANE, (header, value)], LIST_PODS, all_but_the_old_mode)

    assert refused.value.message.endswith(f": {told}")


@pytest.mark.parametrize(("count", "permitted"), [(3, False), (4, True)])
def test_one_right_for_all_is_asked_for_where_there_are_many(count: int, permitted: bool) -> None:
    users = ("impersonate-on:user-info:list pods", "impersonate:user-info users jane")
    check = only(*users, "impersonate:user-info groups *", "impersonate:user-info userextras/* *")

    for header in ("impersonate-group", "impersonate-extra-acme.io%2Fk"):
        headers = [JANE, *((header, str(number)) for number in range(count))]
        if permitted:
            assert Impersonator().impersonated(BOB, headers, LIST_PODS, check).name == "jane"
        else:
            with pytest.raises(Forbidden):
                Impersonator().impersonated(BOB, headers, LIST_PODS, check)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("system:node:n1", ("system:nodes", "system:authenticated")),
        (
            "system:serviceaccount:shop:a",
            ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"),
        ),
        ("system:anonymous", ("system:unauthenticated",)),
        ("system:serviceaccount:shop:A_B", ("system:authenticated",)),
    ],
)
def test_known_kinds_of_names_have_their_groups(name: str, groups: tuple[str, ...]) -> None:
    user = Impersonator().impersonated(BOB, [("impersonate-user", name)], LIST_PODS, everything)

    assert user.groups == groups


def test_a_pod_may_act_as_the_node_on_which_it_is() -> None:
    agent = User("system:serviceaccount:a:b", (), "", {"authentication.kubernetes.io/node-name": ("n1",)})
    check = only("impersonate-on:associated-node:list pods", "impersonate:associated-node nodes *")

    assert Impersonator().impersonated(agent, [("impersonate-user", "system:node:n1")], LIST_PODS, check)
    with pytest.raises(Forbidden, match="impersonate-on:arbitrary-node:list"):
        Impersonator().impersonated(agent, [("impersonate-user", "system:node:n2")], LIST_PODS, check)


def test_attributes_without_a_name_are_refused_as_go_prints_them() -> None:
    headers = [("impersonate-uid", "1"), ("impersonate-group", "g"), ("impersonate-extra-k", "v")]

    with pytest.raises(BadRequest) as refused:
        Impersonator().impersonated(BOB, headers, LIST_PODS, only())

    assert refused.value.message == (
        'requested &user.DefaultInfo{Name:"", UID:"1", Groups:[]string{"g"}, Extra:map[string][]string{"k":[]string{"v"}}} '
        "without impersonating a user name"
    )
