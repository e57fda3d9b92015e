from __future__ import annotations

from typing import Any

import pytest

from fakekube.access.authentication import API_AUDIENCE, Authenticator
from fakekube.access.authorization import Asked, Decision, RulesOfUser
from fakekube.api import reviews
from fakekube.errors import StatusError
from fakekube.registry.user import User

JANE = User("jane", ("dev",), "7", {"scopes": ("view",)})


def review(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": "K", "apiVersion": "v", "metadata": metadata, "spec": spec}


def nobody(user: User, asked: Asked) -> Decision:
    return Decision(False)


def test_a_self_review_tells_the_user_whatever_was_claimed() -> None:
    answer = reviews.self_subject_review(review({}, name="x"), JANE, "now")

    assert answer["metadata"] == {"creationTimestamp": "now"}
    info = answer["status"]["userInfo"]
    assert info == {"username": "jane", "uid": "7", "groups": ["dev"], "extra": {"scopes": ["view"]}}
    assert list(info) == ["username", "uid", "groups", "extra"]


def test_a_known_token_is_its_users() -> None:
    authenticator = Authenticator({"secret": User("jane")})

    answer = reviews.token_review(review({"token": "secret"}), authenticator)

    assert answer["status"] == {
        "authenticated": True,
        "user": {"username": "jane", "groups": ["system:authenticated"]},
        "audiences": [API_AUDIENCE],
    }


@pytest.mark.parametrize("spec", [{"token": "wrong"}, {"token": "secret", "audiences": ["vault"]}])
def test_a_token_that_is_no_good_here_is_told_without_a_word_of_authentication(spec: dict[str, Any]) -> None:
    answer = reviews.token_review(review(spec), Authenticator({"secret": User("jane")}))

    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}


def test_a_token_review_without_a_token_is_refused() -> None:
    with pytest.raises(StatusError, match="token is required for TokenReview in authentication"):
        reviews.token_review(review({}), Authenticator({}))


def test_a_subject_is_asked_about_as_the_review_names_them() -> None:
    questions: list[tuple[User, Asked]] = []

    def decide(user: User, asked: Asked) -> Decision:
        questions.append((user, asked))
        return Decision(True, "because")

    resource = {"verb": "get", "resource": "pods", "subresource": "log", "namespace": "shop", "name": "web"}
    answer = reviews.subject_access_review(
        review({"user": "bob", "groups": ["g"], "resourceAttributes": resource}), decide
    )

    assert answer["status"] == {"allowed": True, "reason": "because"}
    ((user, asked),) = questions
    assert (user.name, user.groups) == ("bob", ("g",))
    assert asked == Asked("get", "", True, "", "", "shop", "pods", "log", "web")


PATH = {"path": "/x", "verb": "get"}
PODS = {"verb": "get", "resource": "pods"}


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        (
            {},
            [
                "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be "
                "specified",
                'spec.user: Invalid value: "": at least one of user or group must be specified',
            ],
        ),
        (
            {"user": "a", "resourceAttributes": PODS, "nonResourceAttributes": PATH},
            [
                'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: cannot be specified in combination with '
                "resourceAttributes"
            ],
        ),
        (
            {
                "user": "a",
                "resourceAttributes": {
                    **PODS,
                    "fieldSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]},
                    "labelSelector": {},
                },
            },
            [
                'spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as '
                "requirements",
                "spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is "
                "specified, requirements or rawSelector is required",
            ],
        ),
        (
            {
                "user": "a",
                "resourceAttributes": {
                    **PODS,
                    "fieldSelector": {
                        "requirements": [
                            {"operator": "In"},
                            {"key": "b", "operator": "Exists", "values": ["c"]},
                            {"key": "d", "operator": "Newer"},
                        ]
                    },
                },
            },
            [
                "spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified",
                "spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' "
                "or 'NotIn'",
                "spec.resourceAttributes.fieldSelector.requirements[1].values: Forbidden: may not be specified when `operator` is "
                "'Exists' or 'DoesNotExist'",
            ],
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_without_naming_its_kind(
    spec: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(StatusError) as refused:
        reviews.subject_access_review(review(spec), nobody)

    listed = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
    assert refused.value.message == f'.authorization.k8s.io "" is invalid: {listed}'


def test_reviews_have_no_metadata_but_who_owns_what() -> None:
    owned: dict[str, Any] = {"managedFields": [{"manager": "m"}]}
    spec = {"user": "a", "resourceAttributes": PODS}

    answer = reviews.subject_access_review(review(spec, **owned), nobody)
    with pytest.raises(StatusError) as refused:
        reviews.subject_access_review(review(spec, **owned, name="x"), nobody)

    assert answer["metadata"] == owned
    shown = '{"name":"x","managedFields":[{"manager":"m"}]}'
    assert refused.value.message.endswith(f"metadata: Invalid value: {shown}: must be empty")


def test_of_a_label_both_key_and_values_are_judged() -> None:
    requirement = {"key": "a b", "operator": "Exists", "values": ["-"]}
    resource = {**PODS, "labelSelector": {"requirements": [requirement]}}

    with pytest.raises(StatusError) as refused:
        reviews.subject_access_review(review({"user": "a", "resourceAttributes": resource}), nobody)

    causes = (refused.value.details or {})["causes"]
    path = "spec.resourceAttributes.labelSelector.requirements[0]"
    assert [each["field"] for each in causes] == [f"{path}.values", f"{path}.key", f"{path}.values[0]"]


@pytest.mark.parametrize(
    ("selector", "node", "told"),
    [
        ({"rawSelector": "spec.nodeName=n1,a!=b"}, "n1", ""),
        ({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]}, "n1", ""),
        ({"requirements": [{"key": "spec.nodeName", "operator": "NotIn", "values": ["n1"]}]}, "", ""),
        ({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["a", "b"]}]}, "", "ignored"),
        (
            {
                "requirements": [
                    {"key": "spec.nodeName", "operator": "In", "values": ["n1"]},
                    {"key": "a", "operator": "Exists"},
                ]
            },
            "n1",
            "partially ignored",
        ),
    ],
)
def test_the_node_that_a_field_selector_requires_is_part_of_the_question(
    selector: dict[str, Any], node: str, told: str
) -> None:
    questions: list[Asked] = []

    def decide(user: User, asked: Asked) -> Decision:
        questions.append(asked)
        return Decision(True)

    resource = {**PODS, "fieldSelector": selector}
    answer = reviews.subject_access_review(review({"user": "a", "resourceAttributes": resource}), decide)

    why = f"spec.resourceAttributes.fieldSelector {told} due to parse error" if told else None
    assert questions[0].selected_node == node
    assert answer["status"].get("evaluationError") == why


def test_what_a_client_says_of_a_token_stays_where_the_server_says_nothing() -> None:
    claimed = {"authenticated": True, "user": {"username": "root"}, "error": "none"}

    answer = reviews.token_review({**review({"token": "wrong"}), "status": claimed}, Authenticator({}))

    assert answer["status"] == {"user": {"username": "root"}, "error": "invalid bearer token"}


def test_a_selector_that_cannot_be_read_is_left_out_of_the_question() -> None:
    resource = {**PODS, "fieldSelector": {"rawSelector": "((("}, "labelSelector": {"rawSelector": "((("}}

    answer = reviews.self_subject_access_review(review({"resourceAttributes": resource}), JANE, nobody)

    assert answer["status"] == {
        "allowed": False,
        "evaluationError": "spec.resourceAttributes.fieldSelector ignored due to parse error; "
        "spec.resourceAttributes.labelSelector ignored due to parse error",
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"resourceAttributes": {**PODS, "namespace": "other"}},
            'spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
        ),
        (
            {"nonResourceAttributes": PATH},
            'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request',
        ),
    ],
)
def test_a_local_review_asks_about_its_own_namespace(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(StatusError) as refused:
        reviews.local_subject_access_review(review({"user": "a", **spec}, namespace="shop"), nobody)

    assert refused.value.message.endswith(message)


def test_a_rules_review_lists_what_bindings_give() -> None:
    pods = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    rules = RulesOfUser([pods], [{"verbs": ["get"], "nonResourceURLs": ["/x"]}], ["a not found", "b not found"])

    answer = reviews.self_subject_rules_review(review({"namespace": "shop"}), lambda namespace: rules)

    assert (answer["spec"], answer["metadata"]) == ({}, {})
    assert answer["status"] == {
        "resourceRules": [pods],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}],
        "incomplete": False,
        "evaluationError": "[a not found, b not found]",
    }


def test_a_rules_review_tells_that_there_may_be_more() -> None:
    rules = RulesOfUser([], [], ["a not found"], not_listed="nodes are not listed")

    answer = reviews.self_subject_rules_review(review({"namespace": "shop"}), lambda namespace: rules)

    assert answer["status"]["incomplete"] is True
    assert answer["status"]["evaluationError"] == "[nodes are not listed, a not found]"


def test_a_rules_review_names_a_namespace() -> None:
    with pytest.raises(StatusError, match="no namespace on request"):
        reviews.self_subject_rules_review(review({}), lambda namespace: RulesOfUser([], [], []))
