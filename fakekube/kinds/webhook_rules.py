"""What configurations of webhooks, and the rules by which policies and webhooks pick requests, may say.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from fakekube.objects import go_urls, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, not_supported, required
from fakekube.registry.kind import Object

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
REVIEW_VERSIONS = ("v1", "v1beta1")
MOST_MATCH_CONDITIONS = 64
LONGEST_TIMEOUT_S = 30
_URL_FORM = "; desired format: https://host[/path]"


def _name(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if texts := names.subdomain(value):
        return [invalid(path, value, ",".join(texts))]
    if value.count(".") < 2:
        return [invalid(path, value, "should be a domain with at least three segments separated by dots")]
    return []


def _alone(detail: str) -> rules.Rule:
    """`*` says everything: nothing may stand beside it."""
    return lambda value, path: [invalid(path, value, detail)] if value and len(value) > 1 and "*" in value else []


def _resources(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    errors: list[FieldError] = []
    whole_resources: set[str] = set()
    whole_subresources: set[str] = set()
    for i, text in enumerate(value):
        if not text:
            errors.append(required(f"{path}[{i}]"))
            continue
        resource, slash, subresource = text.partition("/")
        if not slash:
            continue
        if resource in whole_resources:
            errors.append(invalid(f"{path}[{i}]", text, f"if '{resource}/*' is present, must not specify {text}"))
        if subresource in whole_subresources:
            errors.append(invalid(f"{path}[{i}]", text, f"if '*/{subresource}' is present, must not specify {text}"))
        if subresource == "*":
            whole_resources.add(resource)
        if resource == "*":
            whole_subresources.add(subresource)
    if len(value) > 1 and "*/*" in value:
        errors.append(invalid(path, value, "if '*/*' is present, must not specify other resources"))
    # Only the last resource without a subresource is asked.
    plain = [text for text in value if text and "/" not in text]
    if "*" in plain and plain[-1] != "*":
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, value, detail))
    return errors


def given_one_of(*choices: str) -> rules.Rule:
    """An enum that may be left out, but not be empty."""
    return lambda value, path: [] if value is None or value in choices else [not_supported(path, value, choices)]


RULE: tuple[rules.Row, ...] = (
    ("operations", rules.needed, _alone("if '*' is present, must not specify other operations")),
    ("operations", rules.each_value(rules.always_one_of(*OPERATIONS))),
    ("apiGroups", rules.needed, _alone("if '*' is present, must not specify other API groups")),
    ("apiVersions", rules.needed, _alone("if '*' is present, must not specify other API versions")),
    ("apiVersions", rules.each_value(rules.needed)),
    ("resources", _resources),
    ("scope", given_one_of("*", "Cluster", "Namespaced")),
)


def url(value: str, path: str) -> list[FieldError]:
    try:
        parts = go_urls.parse(value)
    except go_urls.URLError as error:
        return [required(path, f"url must be a valid URL: {error}{_URL_FORM}")]
    errors: list[FieldError] = []
    if parts.scheme != "https":
        errors.append(invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_URL_FORM}"))
    if not parts.host:
        errors.append(invalid(path, parts.host, f"host must be specified{_URL_FORM}"))
    if parts.user is not None:
        errors.append(invalid(path, parts.user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid(path, parts.fragment.decode(errors="replace"), "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def port(value: Any, path: str) -> list[FieldError]:
    if value is None or 1 <= value <= 65535:
        return []
    return [invalid(path, value, "port is not valid: must be between 1 and 65535, inclusive")]


def _service_path(value: Any, path: str) -> list[FieldError]:
    if not value or value == "/":
        return []
    if value == "//":
        return [invalid(path, value, "segment[0] may not be empty")]
    errors = [] if value.startswith("/") else [invalid(path, value, "must start with a '/'")]
    for i, segment in enumerate(value[1:].removesuffix("/").split("/")):
        if not segment:
            errors.append(invalid(path, value, f"segment[{i}] may not be empty"))
        else:
            errors += [invalid(path, value, f"segment[{i}]: {text}") for text in names.subdomain(segment)]
    return errors


def _called(value: Object, path: str) -> list[FieldError]:
    """Version 1.36 takes the name of the service for its namespace, and the other way round."""
    missing = (("name", value.get("namespace")), ("namespace", value.get("name")))
    return [required(f"{path}.{field}") for field, given in missing if not given]


_SERVICE: tuple[rules.Row, ...] = (
    _called,
    ("port", port),
    ("path", _service_path),
)


def client_config(value: Any, path: str) -> list[FieldError]:
    config = value or {}
    address, service = config.get("url"), config.get("service")
    if (address is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    return url(address, f"{path}.url") if address is not None else rules.check(service, _SERVICE, f"{path}.service")


def ca_bundle(value: str, path: str) -> list[FieldError]:
    """Whether there are certificates in `value`, PEM texts in base64; no text is good."""
    text = base64.b64decode(value)
    if not text or any(_begins_as_certificate(body) for body in _PEM_CERTIFICATE.findall(text)):
        return []
    detail = "no valid certificate authority data seen"
    if not _PEM_BLOCKS.fullmatch(text):
        detail = "unable to parse bytes as PEM block"
    return [invalid(path, value, f"unable to load root certificates: {detail}")]


_PEM_CERTIFICATE = re.compile(
    rb"^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----", re.MULTILINE
)
_PEM_BLOCKS = re.compile(rb"(.*?-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \2-----\r?\n?)+", re.DOTALL)


def _begins_as_certificate(body: bytes) -> bool:
    try:
        return base64.b64decode(body).startswith(b"\x30")
    except binascii.Error:
        return False


def review_versions(value: Sequence[str] | None, path: str) -> list[FieldError]:
    if not value:
        return [required(path, f"must specify one of {', '.join(REVIEW_VERSIONS)}")]
    errors: list[FieldError] = []
    for i, version in enumerate(value):
        if version in value[:i]:
            errors.append(invalid(f"{path}[{i}]", version, "duplicate version"))
        else:
            errors += [invalid(f"{path}[{i}]", version, text) for text in names.label_1035(version)]
    if not any(version in REVIEW_VERSIONS for version in value):
        errors.append(invalid(path, value, f"must include at least one of {', '.join(REVIEW_VERSIONS)}"))
    return errors


def _condition(*, has_params: bool) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        text = (value or "").strip()
        if not text:
            return [required(path)]
        from fakekube.expressions.admission_environments import plain, problem
        from fakekube.expressions.types import BOOL

        found = problem(plain(has_params).program, text, BOOL)
        return [invalid(path, text, found)] if found else []

    return check


def match_conditions(value: Any, path: str, *, has_params: bool = False) -> list[FieldError]:
    """Expressions that must hold; `has_params`: they may name the parameters of a policy."""
    errors = rules.no_more_than(MOST_MATCH_CONDITIONS)(value, path)
    rows = (
        ("expression", _condition(has_params=has_params)),
        ("name", rules.needed_name(names.qualified_name)),
    )
    seen: set[str] = set()
    for i, condition in enumerate(value or ()):
        errors += rules.check(condition, rows, f"{path}[{i}]")
        name = condition.get("name", "")
        if name and name in seen:
            errors.append(duplicate(f"{path}[{i}].name", name))
        seen.add(name)
    return errors


def _side_effects(value: Any, path: str) -> list[FieldError]:
    if value is None:
        return [required(path, "must specify one of None, NoneOnDryRun")]
    return [] if value in ("None", "NoneOnDryRun") else [not_supported(path, value, ("None", "NoneOnDryRun"))]


_TIMEOUT = rules.told("the timeout value must be between 1 and 30 seconds", lambda s: 1 <= s <= LONGEST_TIMEOUT_S)
_REINVOCATION = ("reinvocationPolicy", given_one_of("IfNeeded", "Never"))


def _webhook(*of_mutating: rules.Row) -> tuple[rules.Row, ...]:
    return (
        ("name", _name),
        ("rules", rules.each(*RULE)),
        ("failurePolicy", given_one_of("Fail", "Ignore")),
        ("matchPolicy", given_one_of("Equivalent", "Exact")),
        ("sideEffects", _side_effects),
        ("timeoutSeconds", _TIMEOUT),
        ("namespaceSelector", rules.selector),
        ("objectSelector", rules.selector),
        *of_mutating,
        ("clientConfig", client_config),
        ("matchConditions", match_conditions),
        ("admissionReviewVersions", review_versions),
    )


def _webhooks(rows: tuple[rules.Row, ...]) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        errors: list[FieldError] = []
        seen: set[str] = set()
        for i, webhook in enumerate(value or ()):
            errors += rules.check(webhook, rows, f"{path}[{i}]")
            name = webhook.get("name", "")
            if name and name in seen:
                errors.append(duplicate(f"{path}[{i}].name", name))
            seen.add(name)
        return errors

    return check


VALIDATING: tuple[rules.Row, ...] = (("webhooks", _webhooks(_webhook())),)
MUTATING: tuple[rules.Row, ...] = (("webhooks", _webhooks(_webhook(_REINVOCATION))),)


def _resource_rule(value: Object, path: str) -> list[FieldError]:
    resource_names = value.get("resourceNames") or []
    errors: list[FieldError] = []
    for i, name in enumerate(resource_names):
        errors += [invalid(f"{path}.resourceNames[{i}]", name, text) for text in names.path_segment(name)]
        if name in resource_names[:i]:
            errors.append(duplicate(f"{path}.resourceNames[{i}]", name))
    return errors + rules.check(value, RULE, path)


MATCH_RESOURCES: tuple[rules.Row, ...] = (
    ("matchPolicy", rules.needed_part, given_one_of("Equivalent", "Exact")),
    ("namespaceSelector", rules.needed_part, rules.selector),
    ("objectSelector", rules.needed_part, rules.selector),
    ("resourceRules", rules.each(_resource_rule)),
    ("excludeResourceRules", rules.each(_resource_rule)),
)
