"""Questions that are asked as objects and answered at once: who am I, whose is this token, may they, what may I. Nothing is stored.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fakekube.access.authentication import API_AUDIENCE, Authenticator, InvalidToken
from fakekube.access.authorization import Asked, Decision, RulesOfUser, listed
from fakekube.errors import BadRequest, StatusError
from fakekube.objects import names
from fakekube.objects.field_errors import (
    FieldError,
    Shown,
    forbidden,
    invalid,
    invalid_object,
    required,
    shown,
)
from fakekube.objects.selectors import parse_fields, parse_labels
from fakekube.registry.create import put_in_order
from fakekube.registry.kind import Object
from fakekube.registry.user import User

Decide = Callable[[User, Asked], Decision]

WITH_VALUES, WITHOUT_VALUES = ("In", "NotIn"), ("Exists", "DoesNotExist")


def self_subject_review(review: Object, user: User, now: str) -> Object:
    return _answer(review, {"creationTimestamp": now}, {"userInfo": _user_info(user)})


def token_review(review: Object, authenticator: Authenticator) -> Object:
    """Raises BadRequest without a token."""
    spec = review["spec"]
    if not spec.get("token"):
        raise BadRequest("token is required for TokenReview in authentication")
    # What the client says of the result stays where the server says nothing.
    status = dict(review.get("status") or {})
    status.pop("authenticated", None)
    try:
        user, audiences = authenticator.review(spec["token"], spec.get("audiences") or [API_AUDIENCE])
    except InvalidToken as error:
        status["error"] = str(error)
    else:
        status |= {"authenticated": True, "user": _user_info(user), "audiences": audiences}
    status.setdefault("user", {})
    in_order = {key: status[key] for key in ("authenticated", "user", "audiences", "error") if key in status}
    return _answer(review, review["metadata"], in_order, spec)


def _user_info(user: User) -> Object:
    info: Object = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in sorted(user.extra.items())},
    }
    return {key: value for key, value in info.items() if value}


def self_subject_access_review(review: Object, user: User, decide: Decide) -> Object:
    """Raises Invalid."""
    spec = review["spec"]
    _refuse([*_validate_attributes(spec), *_validate_selectors(spec), *_validate_metadata(review["metadata"])])
    return _decided(review, user, decide)


def subject_access_review(review: Object, decide: Decide) -> Object:
    """Raises Invalid."""
    _refuse([*_validate_subject(review["spec"]), *_validate_metadata(review["metadata"])])
    return _decided(review, _subject(review["spec"]), decide)


def local_subject_access_review(review: Object, decide: Decide) -> Object:
    """Raises Invalid. The metadata holds the namespace of the path."""
    spec, metadata = review["spec"], review["metadata"]
    errors = _validate_subject(spec)
    errors += _validate_metadata(metadata, {"namespace"}, "must be empty except for namespace")
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and resource.get("namespace", "") != metadata["namespace"]:
        namespace = resource.get("namespace", "")
        errors.append(invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace"))
    if path is not None:
        errors.append(_invalid_path(path, "disallowed on this kind of request"))
    _refuse(errors)
    return _decided(review, _subject(spec), decide)


def self_subject_rules_review(review: Object, rules_in: Callable[[str], RulesOfUser]) -> Object:
    """Raises BadRequest without a namespace. It need not exist."""
    namespace = review["spec"].get("namespace", "")
    if not namespace:
        raise BadRequest("no namespace on request")
    rules = rules_in(namespace)
    status: Object = {
        "resourceRules": [
            _part(rule, ("verbs", "apiGroups", "resources", "resourceNames")) for rule in rules.resources
        ],
        "nonResourceRules": [_part(rule, ("verbs", "nonResourceURLs")) for rule in rules.paths],
        "incomplete": bool(rules.not_listed),
    }
    if errors := [*filter(None, (rules.not_listed,)), *rules.missing]:
        status["evaluationError"] = listed(errors)
    return _answer(review, {}, status, {})


def _part(rule: Object, keys: Sequence[str]) -> Object:
    return {key: rule[key] for key in keys if rule.get(key)}


def _answer(review: Object, metadata: Object, status: Object, spec: Object | None = None) -> Object:
    answer = {"kind": review["kind"], "apiVersion": review["apiVersion"], "metadata": metadata}
    if spec is not None:
        answer["spec"] = spec
    return {**answer, "status": status}


def _subject(spec: Object) -> User:
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)


def _decided(review: Object, user: User, decide: Decide) -> Object:
    spec = review["spec"]
    asked, problems = _asked(spec)
    decision = decide(user, asked)
    status: Object = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    if problems:
        status["evaluationError"] = "; ".join(problems)
    return _answer(review, put_in_order(review["metadata"]), status, spec)


def _asked(spec: Object) -> tuple[Asked, list[str]]:
    """What is asked, and what is told of selectors that cannot be read: the question is answered without them."""
    resource = spec.get("resourceAttributes")
    if resource is None:
        path = spec["nonResourceAttributes"]
        return Asked(path.get("verb", ""), path.get("path", "")), []
    required_fields, why_fields = _read_fields(resource.get("fieldSelector") or {})
    ignored = (("fieldSelector", why_fields), ("labelSelector", _why_not_read(resource.get("labelSelector") or {})))
    node = required_fields.get("spec.nodeName", "")
    words = {key: resource.get(key, "") for key in ("group", "version", "namespace", "resource", "subresource", "name")}
    asked = Asked(resource.get("verb", ""), "", True, **words, selected_node=node)
    return asked, [f"spec.resourceAttributes.{field} {why} due to parse error" for field, why in ignored if why]


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        # The real server names no kind here either.
        raise invalid_object("authorization.k8s.io", "", "", errors)


def _validate_metadata(
    metadata: Object, allowed: frozenset[str] | set[str] = frozenset(), text: str = "must be empty"
) -> list[FieldError]:
    """The server's own notes on who owns what do not count, and are shown."""
    if metadata.keys() <= allowed | {"managedFields"}:
        return []
    return [invalid("metadata", put_in_order(metadata), text)]


def _validate_subject(spec: Object) -> list[FieldError]:
    errors = _validate_attributes(spec)
    if not spec.get("user") and not spec.get("groups"):
        errors.append(invalid("spec.user", "", "at least one of user or group must be specified"))
    return errors + _validate_selectors(spec)


def _validate_attributes(spec: Object) -> list[FieldError]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        return [_invalid_path(path, "cannot be specified in combination with resourceAttributes")]
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [invalid("spec.resourceAttributes", None, text)]
    return []


def _invalid_path(path: Object, text: str) -> FieldError:
    shown_path = Shown(f'{{"Path":{shown(path.get("path", ""))},"Verb":{shown(path.get("verb", ""))}}}')
    return invalid("spec.nonResourceAttributes", shown_path, text)


def _validate_selectors(spec: Object) -> list[FieldError]:
    resource = spec.get("resourceAttributes") or {}
    errors: list[FieldError] = []
    for field in ("fieldSelector", "labelSelector"):
        selector = resource.get(field)
        if selector is not None:
            errors += _validate_selector(
                selector, f"spec.resourceAttributes.{field}", is_label=field == "labelSelector"
            )
    return errors


def _validate_selector(selector: Object, path: str, *, is_label: bool) -> list[FieldError]:
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements") or []
    errors: list[FieldError] = []
    if raw and requirements:
        errors.append(invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements"))
    if not raw and not requirements:
        text = f"when {path} is specified, requirements or rawSelector is required"
        errors.append(required(f"{path}.requirements", text))
    for i, requirement in enumerate(requirements):
        errors += _validate_requirement(requirement, f"{path}.requirements[{i}]", is_label=is_label)
    return errors


def _validate_requirement(requirement: Object, path: str, *, is_label: bool) -> list[FieldError]:
    """Operators that are not known pass: a newer client may know more."""
    key, operator, values = requirement.get("key", ""), requirement.get("operator"), requirement.get("values")
    errors: list[FieldError] = []
    if not is_label and not key:
        errors.append(required(f"{path}.key", "must be specified"))
    if operator in WITH_VALUES and not values:
        errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    if operator in WITHOUT_VALUES and values:
        errors.append(forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    if is_label:
        errors += [invalid(f"{path}.key", key, text) for text in names.qualified_name(key)]
        for number, value in enumerate(values or ()):
            errors += [invalid(f"{path}.values[{number}]", value, text) for text in names.label_value(value)]
    return errors


def _read_fields(selector: Object) -> tuple[dict[str, str], str]:
    """The fields that must have a value, and `ignored` or `partially ignored` where not all could be read."""
    if raw := selector.get("rawSelector", ""):
        try:
            read = [(each.field, each.operator, each.value) for each in parse_fields(raw).requirements]
        except StatusError:
            return {}, "ignored"
        unread = False
    else:
        operators = {"In": "=", "NotIn": "!="}
        requirements = selector.get("requirements") or ()
        read = [
            (each["key"], operators[each["operator"]], each["values"][0])
            for each in requirements
            if each.get("operator") in operators and len(each["values"]) == 1
        ]
        unread = len(read) < len(requirements)
    why = ("partially ignored" if read else "ignored") if unread else ""
    return {field: value for field, operator, value in read if operator == "="}, why


def _why_not_read(selector: Object) -> str:
    """The same of labels, which nothing here asks about."""
    if raw := selector.get("rawSelector", ""):
        try:
            parse_labels(raw)
        except StatusError:
            return "ignored"
        return ""
    requirements = selector.get("requirements") or ()
    are_read = [each.get("operator") in (*WITH_VALUES, *WITHOUT_VALUES) for each in requirements]
    return "" if all(are_read) else "partially ignored" if any(are_read) else "ignored"
