"""What a pod may say, alone or in a template, in the order in which the API server asks.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fakekube.kinds import container_spec, operating_systems, pod_volumes
from fakekube.objects import go_structs, names, rules
from fakekube.objects.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    wrong_choice,
)
from fakekube.registry.kind import Object

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
MOST_HOSTNAME_BYTES = 64
MOST_NAMESERVERS, MOST_SEARCH_PATHS, MOST_SEARCH_CHARACTERS = 3, 32, 2048

_dns_policy = rules.one_of(*DNS_POLICIES)
_PREEMPTION_POLICY = rules.needed_one_of("PreemptLowerPriority", "Never")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"

_SECURITY_ROWS = (
    ("fsGroup", rules.identity),
    ("runAsUser", rules.identity),
    ("runAsGroup", rules.identity),
    ("supplementalGroups[]", rules.identity),
)
_LATE_SECURITY_ROWS = (
    ("supplementalGroupsPolicy", rules.given_one_of("Merge", "Strict")),
    ("seLinuxChangePolicy", rules.given_one_of("Recursive")),
)
_OF_THE_NETWORK = re.compile(r"net[./]").match
_OF_PROCESSES = re.compile(r"kernel[./](shm|msg|sem$)|fs[./]mqueue[./]").match
"""Sysctls that belong to a namespace of the pod, which it has not got when it uses that of its host."""
_READINESS_ROWS = (("readinessGates[].conditionType", rules.always_named(names.qualified_name)),)
_SPREAD_ROWS = (
    ("nodeAffinityPolicy", rules.given_one_of("Honor", "Ignore")),
    ("nodeTaintsPolicy", rules.given_one_of("Honor", "Ignore")),
)
_CLASS_ROWS = (
    ("priorityClassName", rules.named(names.subdomain)),
    ("runtimeClassName", rules.told_by(names.subdomain)),
)
_LATE_ROWS = (
    ("serviceAccountName", rules.named(names.subdomain)),
    ("nodeName", rules.named(names.subdomain)),
    ("activeDeadlineSeconds", rules.between(1, 2**31 - 1)),
    ("hostname", rules.named(names.label)),
    ("subdomain", rules.named(names.label)),
)


def validate(spec: Object, path: str, *, template: bool = False) -> list[FieldError]:
    """Everything that is asked at creation and at every change. `path` is that of the spec: `spec`, `spec.template.spec`."""
    errors, volumes = pod_volumes.validate(spec.get("volumes") or (), f"{path}.volumes", template=template)
    if spec.get("resourceClaims"):
        errors += _resource_claims(spec["resourceClaims"], f"{path}.resourceClaims")
    containers, init_containers = spec.get("containers") or [], spec.get("initContainers") or []
    if not containers:
        errors.append(required(f"{path}.containers"))
    errors += container_spec.validate_all(spec, volumes, path)
    errors += _host_ports(spec, containers, init_containers, path)
    policy = spec.get("restartPolicy", "")
    if policy not in RESTART_POLICIES:
        errors.append(
            not_supported(f"{path}.restartPolicy", policy, RESTART_POLICIES)
            if policy
            else required(f"{path}.restartPolicy")
        )
    errors += _dns_policy(spec.get("dnsPolicy"), f"{path}.dnsPolicy")
    if spec.get("nodeSelector"):
        errors += rules.labels(spec["nodeSelector"], f"{path}.nodeSelector")
    if spec.get("securityContext") or spec.get("shareProcessNamespace"):
        errors += _security_context(spec, f"{path}.securityContext")
    if spec.get("affinity"):
        errors += _affinity(spec["affinity"], f"{path}.affinity")
    if spec.get("dnsConfig") is not None or spec.get("dnsPolicy") == "None":
        errors += _dns(spec, f"{path}.dnsConfig")
    if spec.get("readinessGates"):
        errors += rules.check(spec, _READINESS_ROWS, path)
    if spec.get("schedulingGates"):
        errors += _gates(spec, path)
    if spec.get("topologySpreadConstraints"):
        errors += _spread(spec["topologySpreadConstraints"], f"{path}.topologySpreadConstraints")
    errors += operating_systems.host_processes(spec, path)
    if spec.get("hostUsers") is False:
        for field, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if spec.get(field):
                errors.append(forbidden(f"{path}.{shown}", "when `hostUsers` is false"))
        errors += container_spec.without_devices(spec, path)
    if "hostnameOverride" in spec:
        errors += _host_name(spec, f"{path}.hostnameOverride")
    errors += rules.check_given(spec, _LATE_ROWS, path)
    errors += tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    for i, alias in enumerate(spec.get("hostAliases") or ()):
        errors += rules.always_named(names.ip)(alias.get("ip"), f"{path}.hostAliases[{i}].ip")
        for j, name in enumerate(alias.get("hostnames") or ()):
            errors += [invalid(f"{path}.hostAliases[{i}].hostnames[{j}]", name, text) for text in names.subdomain(name)]
    errors += rules.check_given(spec, _CLASS_ROWS, path)
    if "preemptionPolicy" in spec:
        errors += _PREEMPTION_POLICY(spec["preemptionPolicy"], f"{path}.preemptionPolicy")
    errors += overhead(spec.get("overhead"), f"{path}.overhead")
    errors += operating_systems.validate(spec, path)
    errors += container_spec.files_of_variables(spec, path)
    return errors if template else errors + _image_whitespace(spec, path)


def _host_name(spec: Object, path: str) -> list[FieldError]:
    """A name of the host that is not the pod's own."""
    value = spec["hostnameOverride"]
    if value is None:
        return []
    errors = [
        forbidden(path, f"may not be specified when {other} is true")
        for other in ("setHostnameAsFQDN", "hostNetwork")
        if spec.get(other)
    ]
    errors += rules.no_longer_than(MOST_HOSTNAME_BYTES)(value, path)
    return errors + rules.told_by(names.subdomain)(value, path)


def _resource_claims(claims: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, claim in enumerate(claims):
        place, name = f"{path}[{i}]", claim.get("name", "")
        if not name:
            errors.append(required(f"{place}.name"))
        elif name in seen:
            errors.append(duplicate(f"{place}.name", name))
        else:
            errors += rules.named(names.label)(name, f"{place}.name")
        seen.add(name)
        given = [field for field in _CLAIM_SOURCES if claim.get(field) is not None]
        shown = go_structs.shown("core.PodResourceClaim", claim)
        if len(given) > 1:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(place, shown, detail))
        if not given:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(place, shown, detail))
        errors += rules.check(claim, [(field, rules.told_by(names.subdomain)) for field in given], place)
    return errors


_CLAIM_SOURCES = ("resourceClaimName", "resourceClaimTemplateName")


def validate_new_pod(spec: Object) -> list[FieldError]:
    """What only a pod that is being created may not say."""
    errors = []
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors


def _host_ports(
    spec: Object, containers: Sequence[Object], init_containers: Sequence[Object], path: str
) -> list[FieldError]:
    errors: list[FieldError] = []
    if not spec.get("hostNetwork"):
        return errors
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                place = f"{path}.containers[{i}].ports[{j}].hostPort"
                errors.append(invalid(place, port["hostPort"], "must match `containerPort` when `hostNetwork` is true"))
    return errors


def _security_context(spec: Object, path: str) -> list[FieldError]:
    context = spec.get("securityContext") or {}
    errors = rules.check(context, _SECURITY_ROWS, path)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{path}.shareProcessNamespace", True, detail))
    seen: set[str] = set()
    for i, sysctl in enumerate(context.get("sysctls") or ()):
        name, place = sysctl.get("name", ""), f"{path}.sysctls[{i}].name"
        if not name:
            errors.append(required(place))
        elif len(name) > names.SUBDOMAIN_MOST_CHARACTERS or not re.fullmatch(_SYSCTL, name):
            errors.append(invalid(place, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$"))
        elif name in seen:
            errors.append(duplicate(place, name))
        seen.add(name)
        for of_namespace, flag in ((_OF_THE_NETWORK, "hostNetwork"), (_OF_PROCESSES, "hostIPC")):
            if of_namespace(name) and spec.get(flag):
                errors.append(invalid(place, name, f"may not be specified when '{flag}' is set to true"))
    errors += rules.given_one_of("Always", "OnRootMismatch")(
        context.get("fsGroupChangePolicy"), f"{path}.fsGroupChangePolicy"
    )
    errors += container_spec.seccomp_profile(context.get("seccompProfile"), f"{path}.seccompProfile")
    errors += operating_systems.windows_options(context.get("windowsOptions"), f"{path}.windowsOptions")
    errors += container_spec.app_armor_profile(context.get("appArmorProfile"), f"{path}.appArmorProfile")
    return errors + rules.check(context, _LATE_SECURITY_ROWS, path)


def _affinity(affinity: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    node = affinity.get("nodeAffinity")
    if node:
        place = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        needed = node.get("requiredDuringSchedulingIgnoredDuringExecution")
        if needed is not None:
            errors += node_selector(needed, place)
        for i, term in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
            place = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{i}]"
            errors += _weight(term, place)
            errors += _node_term(term.get("preference") or {}, f"{place}.preference", preferred=True)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind)
        if not pods:
            continue
        for i, term in enumerate(pods.get("requiredDuringSchedulingIgnoredDuringExecution") or ()):
            errors += _pod_term(term, f"{path}.{kind}.requiredDuringSchedulingIgnoredDuringExecution[{i}]")
        for i, weighted in enumerate(pods.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
            place = f"{path}.{kind}.preferredDuringSchedulingIgnoredDuringExecution[{i}]"
            errors += _weight(weighted, place)
            errors += _pod_term(weighted.get("podAffinityTerm") or {}, f"{place}.podAffinityTerm")
    return errors


def _weight(term: Object, path: str) -> list[FieldError]:
    weight = term.get("weight", 0)
    return [] if 1 <= weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def node_selector(selector: Object, path: str) -> list[FieldError]:
    terms = selector.get("nodeSelectorTerms") or []
    if not terms:
        return [required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")]
    return [error for i, term in enumerate(terms) for error in _node_term(term, f"{path}.nodeSelectorTerms[{i}]")]


def _node_term(term: Object, path: str, *, preferred: bool = False) -> list[FieldError]:
    """Values that no label can have are let through where they are only preferred."""
    errors: list[FieldError] = []
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        errors += _node_expression(expression, f"{path}.matchExpressions[{i}]", preferred=preferred)
    for i, expression in enumerate(term.get("matchFields") or ()):
        errors += _node_field(expression, f"{path}.matchFields[{i}]")
    return errors


def _node_expression(expression: Object, path: str, *, preferred: bool) -> list[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    errors: list[FieldError] = []
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{path}.values", detail))
    elif operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", detail))
    else:
        errors.append(wrong_choice(f"{path}.operator", operator, "not a valid selector operator"))
    key = expression.get("key", "")
    errors += [invalid(f"{path}.key", key, text) for text in names.qualified_name(key)]
    for i, value in enumerate(() if preferred else values):
        errors += [invalid(f"{path}.values[{i}]", value, text) for text in names.label_value(value)]
    return errors


def _node_field(expression: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values, key = expression.get("operator", ""), expression.get("values") or [], expression.get("key", "")
    if operator in ("In", "NotIn"):
        if len(values) != 1:
            detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(required(f"{path}.values", detail))
    else:
        errors.append(wrong_choice(f"{path}.operator", operator, "not a valid selector operator"))
    if key != "metadata.name":
        errors.append(invalid(f"{path}.key", key, "not a valid field selector key"))
        return errors
    for i, value in enumerate(values):
        errors += [invalid(f"{path}.values[{i}]", value, text) for text in names.subdomain(value)]
    return errors


def _pod_term(term: Object, path: str) -> list[FieldError]:
    errors = rules.check(term, [("labelSelector", rules.selector), ("namespaceSelector", rules.selector)], path)
    for namespace in term.get("namespaces") or ():
        errors += [invalid(f"{path}.namespace", namespace, text) for text in names.label(namespace)]
    return errors + _keys_of_labels(term, path) + _topology_key(term, path)


def _keys_of_labels(term: Object, path: str) -> list[FieldError]:
    """The labels of the pod that its creation has put into the selector: those of `matchLabelKeys` may not have been there before."""
    match, mismatch = (term.get(field) or () for field in ("matchLabelKeys", "mismatchLabelKeys"))
    if not match and not mismatch:
        return []
    errors = _label_keys(match, term, f"{path}.matchLabelKeys")
    errors += _label_keys(mismatch, term, f"{path}.mismatchLabelKeys")
    selector = term.get("labelSelector") or {}
    places = {key: i for i, key in enumerate(match)}
    seen = set(selector.get("matchLabels") or ())
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key", "")
        if key in places and key in seen:
            errors.append(invalid(f"{path}[{places[key]}]", key, "exists in both matchLabelKeys and labelSelector"))
        seen.add(key)
    return errors + [
        invalid(f"{path}.matchLabelKeys[{i}]", key, "exists in both matchLabelKeys and mismatchLabelKeys")
        for i, key in enumerate(match)
        if key in mismatch
    ]


def _label_keys(keys: Sequence[str], term: Object, path: str) -> list[FieldError]:
    """Labels of the pod itself, whose values go into the selector of the term."""
    if keys and term.get("labelSelector") is None:
        return [forbidden(path, "must not be specified when labelSelector is not set")]
    return [invalid(f"{path}[{i}]", key, text) for i, key in enumerate(keys) for text in names.qualified_name(key)]


def _topology_key(term: Object, path: str) -> list[FieldError]:
    key = term.get("topologyKey", "")
    errors = [] if key else [required(f"{path}.topologyKey", "can not be empty")]
    return errors + [invalid(f"{path}.topologyKey", key, text) for text in names.qualified_name(key)]


def _dns(spec: Object, path: str) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", detail)]
    config = config or {}
    errors: list[FieldError] = []
    nameservers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(nameservers) > MOST_NAMESERVERS:
        detail = f"must not have more than {MOST_NAMESERVERS} nameservers"
        errors.append(invalid(f"{path}.nameservers", nameservers, detail))
    for i, address in enumerate(nameservers):
        errors += [invalid(f"{path}.nameservers[{i}]", address, text) for text in names.ip(address)]
    if len(searches) > MOST_SEARCH_PATHS:
        detail = f"must not have more than {MOST_SEARCH_PATHS} search paths"
        errors.append(invalid(f"{path}.searches", searches, detail))
    if len(" ".join(searches)) > MOST_SEARCH_CHARACTERS:
        detail = f"must not have more than {MOST_SEARCH_CHARACTERS} characters (including spaces) in the search list"
        errors.append(invalid(f"{path}.searches", searches, detail))
    for i, search in enumerate(searches):
        if search != ".":
            name = search.removesuffix(".")
            errors += [invalid(f"{path}.searches[{i}]", name, text) for text in names.search_path(name)]
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(f"{path}.options[{i}]", "must not be empty"))
    return errors


def _gates(spec: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, gate in enumerate(spec.get("schedulingGates") or ()):
        name, place = gate.get("name", ""), f"{path}.schedulingGates[{i}]"
        errors += [invalid(place, name, text) for text in names.qualified_name(name)]
        if name in seen:
            errors.append(duplicate(place, name))
        seen.add(name)
    return errors


def _spread(constraints: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, constraint in enumerate(constraints):
        place = f"{path}[{i}]"
        errors += rules.positive(constraint.get("maxSkew", 0), f"{place}.maxSkew")
        if not constraint.get("topologyKey"):
            errors.append(required(f"{place}.topologyKey", "can not be empty"))
        when = constraint.get("whenUnsatisfiable", "")
        if when not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.append(not_supported(f"{place}.whenUnsatisfiable", when, ("DoNotSchedule", "ScheduleAnyway")))
        pair = (constraint.get("topologyKey", ""), when)
        if any(
            (other.get("topologyKey", ""), other.get("whenUnsatisfiable", "")) == pair for other in constraints[i + 1 :]
        ):
            errors.append(duplicate(f"{place}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}"))
        least = constraint.get("minDomains")
        errors += rules.positive(least, f"{place}.minDomains")
        if least is not None and when != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}"
            errors.append(invalid(f"{place}.minDomains", least, detail))
        errors += rules.check(constraint, _SPREAD_ROWS, place)
        errors += _keys_of_labels(constraint, place)
        errors += rules.selector(constraint.get("labelSelector"), f"{place}.labelSelector")
    return errors


def tolerations(each: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, toleration in enumerate(each):
        place = f"{path}[{i}]"
        key, operator = toleration.get("key", ""), toleration.get("operator", "")
        effect, value = toleration.get("effect", ""), toleration.get("value", "")
        if key:
            errors += [invalid(f"{place}.key", key, text) for text in names.qualified_name(key)]
        elif operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(wrong_choice(f"{place}.operator", operator, detail))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(f"{place}.effect", effect, detail))
        if operator in ("", "Equal"):
            if texts := names.label_value(value):
                errors.append(invalid(f"{place}.operator", value, ";".join(texts)))
        elif operator == "Exists":
            if value:
                detail = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(f"{place}.operator", value, detail))
        else:
            known = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
            errors.append(not_supported(f"{place}.operator", operator, known))
        if effect and effect not in EFFECTS:
            errors.append(not_supported(f"{place}.effect", effect, EFFECTS))
    return errors


def overhead(amounts: Object | None, path: str) -> list[FieldError]:
    """What running a pod costs by itself; it is told as limits."""
    return container_spec.resources({"limits": amounts}, path, []) if amounts else []


def _image_whitespace(spec: Object, path: str) -> list[FieldError]:
    errors = []
    for field in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            image = container.get("image", "")
            if image != image.strip():
                detail = "must not have leading or trailing whitespace"
                errors.append(invalid(f"{path}.{field}[{i}].image", image, detail))
    return errors
