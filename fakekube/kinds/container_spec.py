"""What containers may say: those of a pod, its init containers and its ephemeral ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_UP, Decimal

from fakekube.kinds import field_references, operating_systems, pod_volumes, resource_names, volume_sources
from fakekube.objects import as_sent, fields, go_structs, names, pod_amounts, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_found, not_supported, required
from fakekube.objects.quantities import canonical, parse
from fakekube.registry.kind import Object

ENVIRONMENT_FIELDS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_VALUE_SOURCES = frozenset({"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"})
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_NOT_EPHEMERAL = (
    *("ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe"),
    *("startupProbe", "lifecycle"),
)
_OF_RESOURCES = ("limits", "requests", "claims")
_NOT_RESTARTED = "must not be set to 'RestartContainer' for non-sidecar initContainers"
_ONLY_WITH_SIDECARS = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = tuple(
    (name, rules.non_negative)
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
)
_SCHEME = rules.one_of("HTTP", "HTTPS")
_RESTART_POLICY = rules.one_of("Always", "Never", "OnFailure")
_SECCOMP_TYPE = rules.one_of("Localhost", "RuntimeDefault", "Unconfined")
_SECURITY_ROWS = (
    ("runAsUser", rules.identity),
    ("runAsGroup", rules.identity),
    ("procMount", rules.one_of("Default", "Unmasked")),
)
_HEADER_NAME = "[-A-Za-z0-9]+"
_HEADER_TEXT = (
    "a valid HTTP header must consist of alphanumeric characters or '-' "
    f"(e.g. 'X-Header-Name', regex used for validation is '{_HEADER_NAME}')"
)
_PLAIN = frozenset({"cpu", "memory"})
_HUGEPAGES = resource_names.HUGEPAGES
_RESIZED, _RESIZE_POLICIES = ("cpu", "memory"), ("NotRequired", "RestartContainer")
MOST_RESTART_RULES, MOST_EXIT_CODES = 20, 255
MOST_PROFILE_BYTES = 4095

Named = Callable[[str, str], list[FieldError]]


def validate_all(spec: Object, volumes: pod_volumes.Volumes, path: str) -> list[FieldError]:
    """Containers, init containers and ephemeral containers of a pod spec at `path`, then the resources of the pod as a whole."""
    errors: list[FieldError] = []
    containers = spec.get("containers") or []
    claims = [claim.get("name", "") for claim in spec.get("resourceClaims") or ()]
    grace_s = spec.get("terminationGracePeriodSeconds", 0)
    seen: set[str] = set()
    for i, container in enumerate(containers):
        place = f"{path}.containers[{i}]"
        errors += _common(spec, container, volumes, place, claims)
        errors += _unique(container, place, seen)
        errors += _life(container, place, grace_s)
        errors += _restart(container, place)
    errors += _host_port_conflicts(containers, f"{path}.containers")
    for i, container in enumerate(spec.get("initContainers") or ()):
        errors += _init_container(spec, container, volumes, f"{path}.initContainers[{i}]", claims, seen)
        # They run one after the other, so each is alone with its ports; the index that is told is always the first.
        errors += _host_port_conflicts([container], f"{path}.initContainers")
    for i, container in enumerate(spec.get("ephemeralContainers") or ()):
        errors += _ephemeral_container(spec, container, volumes, f"{path}.ephemeralContainers[{i}]", seen)
    if spec.get("resources") is not None:
        errors += _of_pod(spec, path, claims)
    return errors


def _of_pod(spec: Object, path: str, claims: Sequence[str]) -> list[FieldError]:
    """The resources of the pod as a whole, which Windows does not know."""
    path = f"{path}.resources"
    if fields.at(spec, "os.name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    errors: list[FieldError] = []
    if as_sent.shown_at(spec, "resources.claims") is not None:
        errors.append(forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level"))
    errors += resources(spec["resources"], path, claims, named=resource_names.pod_resource_name)
    return errors + _against_pod_resources(spec, path)


def _unique(container: Object, path: str, seen: set[str]) -> list[FieldError]:
    name = container.get("name", "")
    if name in seen:
        return [duplicate(f"{path}.name", name)]
    seen.add(name)
    return []


def _init_container(
    spec: Object, container: Object, volumes: pod_volumes.Volumes, path: str, claims: Sequence[str], seen: set[str]
) -> list[FieldError]:
    errors = _common(spec, container, volumes, path, claims)
    if container.get("restartPolicy") is not None:
        errors += _restart(container, path)
    elif container.get("restartPolicyRules"):
        errors.append(required(f"{path}.restartPolicy", _RULES_WITHOUT_POLICY))
    if container.get("name"):
        errors += _unique(container, path, seen)
    if container.get("restartPolicy") == "Always":
        return errors + _life(container, path, spec.get("terminationGracePeriodSeconds", 0))
    detail = "may not be set for init containers without restartPolicy=Always"
    errors += [forbidden(f"{path}.{each}", detail) for each in _ONLY_WITH_SIDECARS if container.get(each) is not None]
    return errors + [
        invalid(f"{path}.resizePolicy[{j}].restartPolicy", "RestartContainer", _NOT_RESTARTED)
        for j, policy in enumerate(container.get("resizePolicy") or ())
        if policy.get("restartPolicy") == "RestartContainer"
    ]


def _ephemeral_container(
    spec: Object, container: Object, volumes: pod_volumes.Volumes, path: str, seen: set[str]
) -> list[FieldError]:
    errors = _common(spec, container, volumes, path, [])
    image = container.get("image", "")
    if image != image.strip():
        errors.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    errors += _unique(container, path, seen)
    target = container.get("targetContainerName")
    known = {each.get("name") for field in ("containers", "initContainers") for each in spec.get(field) or ()}
    if target and target not in known:
        errors.append(not_found(f"{path}.targetContainerName", target))
    detail = "cannot be set for an Ephemeral Container"
    errors += [forbidden(f"{path}.{each}", detail) for each in _NOT_EPHEMERAL if _is_set(container, each)]
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                errors.append(forbidden(f"{path}.volumeMounts[{i}].{field}", detail))
    return errors


def without_devices(spec: Object, path: str) -> list[FieldError]:
    """Pods with users of their own have no raw devices."""
    return [
        forbidden(f"{path}.{field}[{i}].volumeDevices", "when `hostUsers` is false")
        for field in ("initContainers", "containers", "ephemeralContainers")
        for i, container in enumerate(spec.get(field) or ())
        if container.get("volumeDevices")
    ]


def _is_set(container: Object, field: str) -> bool:
    """An empty list that was sent counts; `resources` are there for Go in any case, and empty only without lists and maps."""
    if field == "resources":
        return any(as_sent.shown_at(container, f"resources.{each}") is not None for each in _OF_RESOURCES)
    return as_sent.shown_at(container, field) is not None


def _common(
    spec: Object, container: Object, volumes: pod_volumes.Volumes, path: str, claims: Sequence[str]
) -> list[FieldError]:
    """What holds for a container of any role."""
    errors: list[FieldError] = []
    name = container.get("name", "")
    if not name:
        errors.append(required(f"{path}.name"))
    else:
        errors += [invalid(f"{path}.name", name, text) for text in names.label(name)]
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy")
    if policy and policy not in MESSAGE_POLICIES:
        errors += rules.one_of(*MESSAGE_POLICIES)(policy, f"{path}.terminationMessagePolicy")
    if container.get("ports"):
        errors += _ports(container["ports"], f"{path}.ports")
    if container.get("env"):
        errors += environment(container["env"], f"{path}.env")
    if container.get("envFrom"):
        errors += _environment_sources(container["envFrom"], f"{path}.envFrom")
    if container.get("volumeMounts"):
        errors += pod_volumes.mounts(container, volumes, path)
    if container.get("volumeDevices"):
        errors += pod_volumes.devices(container, volumes, path)
    policy = container.get("imagePullPolicy")
    if policy and policy not in PULL_POLICIES:
        errors += rules.one_of(*PULL_POLICIES)(policy, f"{path}.imagePullPolicy")
    if container.get("resources"):
        errors += resources(container["resources"], f"{path}.resources", claims)
    if container.get("resizePolicy"):
        errors += _resize_policies(container["resizePolicy"], f"{path}.resizePolicy", spec.get("restartPolicy", ""))
    if container.get("securityContext"):
        users = spec.get("hostUsers") is not False
        errors += _security_context(container["securityContext"], f"{path}.securityContext", host_users=users)
    return errors


def _resize_policies(policies: Sequence[Object], path: str, restart_policy: str) -> list[FieldError]:
    """Each resource once; only the double is told with its index."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, policy in enumerate(policies):
        resource, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if resource in seen:
            errors.append(duplicate(f"{path}[{i}]", resource))
        seen.add(resource)
        errors += rules.needed_one_of(*_RESIZED)(resource, path)
        errors += rules.needed_one_of(*_RESIZE_POLICIES)(restart, path)
        if restart_policy == "Never" and restart != "NotRequired":
            errors.append(invalid(path, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"))
    return errors


def _ports(ports: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, port in enumerate(ports):
        if name := port.get("name"):
            if texts := names.port_name(name):
                errors += [invalid(f"{path}[{i}].name", name, text) for text in texts]
            elif name in seen:
                errors.append(duplicate(f"{path}[{i}].name", name))
            else:
                seen.add(name)
        number = port.get("containerPort", 0)
        if not number:
            errors.append(required(f"{path}[{i}].containerPort"))
        elif not 1 <= number <= 65535:
            errors += rules.port(number, f"{path}[{i}].containerPort")
        if port.get("hostPort"):
            errors += rules.port(port["hostPort"], f"{path}[{i}].hostPort")
        if port.get("protocol") not in _PROTOCOLS:
            errors += rules.one_of(*_PROTOCOLS)(port.get("protocol"), f"{path}[{i}].protocol")
    return errors


def _host_port_conflicts(containers: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in seen:
                errors.append(duplicate(f"{path}[{i}].ports[{j}].hostPort", key))
            seen.add(key)
    return errors


def environment(variables: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, variable in enumerate(variables):
        name, source = variable.get("name", ""), variable.get("valueFrom")
        if not name:
            errors.append(required(f"{path}[{i}].name"))
        elif texts := names.environment_variable(name):
            errors += [invalid(f"{path}[{i}].name", name, text) for text in texts]
        if source is not None:
            errors += _value_from(variable, source, f"{path}[{i}].valueFrom")
    return errors


_FILE_KEY = (
    ("key", rules.needed_name(names.environment_variable)),
    ("volumeName", rules.needed_name(names.label)),
    ("path", lambda value, path: volume_sources.back_steps(value, path) if value else [required(path)]),
)


def files_of_variables(spec: Object, path: str) -> list[FieldError]:
    """Volumes of files that hold variables, which must be volumes of the pod; told at the very end of a pod."""
    known = {volume.get("name") for volume in spec.get("volumes") or ()}
    errors: list[FieldError] = []
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            for j, variable in enumerate(container.get("env") or ()):
                name = ((variable.get("valueFrom") or {}).get("fileKeyRef") or {}).get("volumeName")
                if name and name not in known:
                    errors.append(not_found(f"{path}.{field}[{i}].env[{j}].valueFrom.fileKeyRef.volumeName", name))
    return errors


def _value_from(variable: Object, source: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if source.get("fieldRef") is not None:
        errors += field_references.field(source["fieldRef"], f"{path}.fieldRef", ENVIRONMENT_FIELDS)
    if source.get("resourceFieldRef") is not None:
        errors += field_references.resource(source["resourceFieldRef"], f"{path}.resourceFieldRef", volume=False)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (reference := source.get(kind)) is not None:
            name, key = reference.get("name", ""), reference.get("key", "")
            errors += [invalid(f"{path}.{kind}.name", name, text) for text in names.subdomain(name)]
            if not key:
                errors.append(required(f"{path}.{kind}.key"))
            else:
                errors += [invalid(f"{path}.{kind}.key", key, text) for text in names.config_key(key)]
    if (reference := source.get("fileKeyRef")) is not None:
        errors += rules.check(reference, _FILE_KEY, f"{path}.fileKeyRef")
    given = len(_VALUE_SOURCES.intersection(source))
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        return [*errors, invalid(path, "", f"must specify one of: {listed}")]
    if variable.get("value"):
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _environment_sources(sources: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, source in enumerate(sources):
        place = f"{path}[{i}]"
        if prefix := source.get("prefix"):
            errors += [invalid(f"{place}.prefix", prefix, text) for text in names.environment_variable(prefix)]
        given = 0
        for kind in ("configMapRef", "secretRef"):
            if source.get(kind) is not None:
                given += 1
                errors += rules.needed_name(names.subdomain)(source[kind].get("name"), f"{place}.{kind}.name")
        if not given:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif given > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _life(container: Object, path: str, grace_s: int) -> list[FieldError]:
    errors: list[FieldError] = []
    lifecycle = container.get("lifecycle") or {}
    for field in ("postStart", "preStop"):
        if lifecycle.get(field) is not None:
            errors += _handler(lifecycle[field], f"{path}.lifecycle.{field}", grace_s)
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(field) is not None:
            errors += _probe(container[field], f"{path}.{field}", field, grace_s)
    return errors


def _probe(probe: Object, path: str, kind: str, grace_s: int) -> list[FieldError]:
    errors = _handler(probe, path, grace_s)
    errors += rules.check(probe, _PROBE_NUMBERS, path)
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", seconds, "must be greater than 0"))
    if kind == "readinessProbe":
        if seconds is not None:
            detail = "must not be set for readinessProbes"
            errors.append(invalid(f"{path}.terminationGracePeriodSeconds", seconds, detail))
    elif probe.get("successThreshold", 1) != 1:
        errors.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return errors


def _handler(handler: Object, path: str, grace_s: int) -> list[FieldError]:
    present = [each for each in _HANDLERS if handler.get(each) is not None]
    if not present:
        return [required(path, "must specify a handler type")]
    kind, action = present[0], handler[present[0]]
    place = f"{path}.{kind}"
    errors: list[FieldError] = []
    if kind == "exec":
        errors += [] if action.get("command") else [required(f"{place}.command")]
    elif kind == "httpGet":
        errors += _http_get(action, place)
    elif kind == "tcpSocket":
        errors += rules.port_or_name(action.get("port", 0), f"{place}.port")
    elif kind == "grpc":
        errors += rules.port(action.get("port", 0), f"{place}.port")
    elif not 0 <= action.get("seconds", 0) <= grace_s:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
        errors.append(invalid(place, action.get("seconds", 0), detail))
    return errors + [forbidden(f"{path}.{each}", "may not specify more than 1 handler type") for each in present[1:]]


def _http_get(action: Object, path: str) -> list[FieldError]:
    errors = [] if action.get("path") else [required(f"{path}.path")]
    errors += rules.port_or_name(action.get("port", 0), f"{path}.port")
    errors += _SCHEME(action.get("scheme"), f"{path}.scheme")
    for header in action.get("httpHeaders") or ():
        if not re.fullmatch(_HEADER_NAME, header.get("name", "")):
            errors.append(invalid(f"{path}.httpHeaders", header.get("name", ""), _HEADER_TEXT))
    return errors


_EXIT_CODES = (
    ("operator", rules.always_one_of("In", "NotIn")),
    ("values", rules.no_more_than(MOST_EXIT_CODES)),
)


_RULES_WITHOUT_POLICY = "must specify restartPolicy when restart rules are used"


def _restart(container: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    policy, restart_rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    if policy is None and not restart_rules:
        return errors
    errors += _RESTART_POLICY(policy, f"{path}.restartPolicy")
    if restart_rules and policy is None:
        errors.append(required(f"{path}.restartPolicy", _RULES_WITHOUT_POLICY))
    errors += rules.no_more_than(MOST_RESTART_RULES)(restart_rules, f"{path}.restartPolicyRules")
    for i, rule in enumerate(restart_rules):
        place = f"{path}.restartPolicyRules[{i}]"
        errors += rules.always_one_of("Restart", "RestartAllContainers")(rule.get("action"), f"{place}.action")
        if rule.get("exitCodes") is None:
            errors.append(required(f"{place}.exitCodes", "must be specified"))
        else:
            errors += rules.check(rule["exitCodes"], _EXIT_CODES, f"{place}.exitCodes")
    return errors


def seccomp_profile(profile: Object | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    if not profile.get("type"):
        errors = [required(f"{path}.type", "type is required when seccompProfile is set")]
    else:
        errors = _SECCOMP_TYPE(profile["type"], f"{path}.type")
    local = profile.get("localhostProfile")
    if profile.get("type") == "Localhost":
        if local is None:
            errors.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
        else:
            errors += volume_sources.relative_path(local, f"{path}.localhostProfile")
    elif local is not None:
        shown = {"Type": profile.get("type", ""), "LocalhostProfile": local}
        detail = "can only be set when seccomp type is Localhost"
        errors.append(invalid(f"{path}.localhostProfile", shown, detail))
    return errors


def _security_context(context: Object, path: str, *, host_users: bool) -> list[FieldError]:
    errors = rules.check(context, _SECURITY_ROWS, path)
    if host_users and context.get("procMount") == "Unmasked":
        errors.append(invalid(f"{path}.procMount", "Unmasked", "`hostUsers` must be false to use `Unmasked`"))
    errors += seccomp_profile(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(path, go_structs.shown("core.SecurityContext", context), detail))
        if "CAP_SYS_ADMIN" in (fields.at(context, "capabilities.add") or ()):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, go_structs.shown("core.SecurityContext", context), detail))
    errors += operating_systems.windows_options(context.get("windowsOptions"), f"{path}.windowsOptions")
    return errors + app_armor_profile(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def app_armor_profile(profile: Object | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    type_, local, place = profile.get("type", ""), profile.get("localhostProfile"), f"{path}.localhostProfile"
    if type_ == "Localhost":
        missing = required(place, "must be set when AppArmor type is Localhost")
        if local is None:
            return [missing]
        errors = [] if local else [missing]
        if local != local.strip():
            errors.append(invalid(place, local, "must not be padded with whitespace"))
        return errors + rules.no_longer_than(MOST_PROFILE_BYTES)(local, place)
    if type_ in ("RuntimeDefault", "Unconfined"):
        return [] if local is None else [invalid(place, local, "can only be set when AppArmor type is Localhost")]
    if not type_:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{path}.type", type_, ("Localhost", "RuntimeDefault", "Unconfined"))]


def resources(
    requirements: Object, path: str, claims: Sequence[str], *, named: Named = resource_names.container_resource_name
) -> list[FieldError]:
    """Limits, then requests, then claims, which must be among the pod's `claims`; `named` says which resources there are."""
    errors: list[FieldError] = []
    limits, requests = requirements.get("limits") or {}, requirements.get("requests") or {}
    for name, amount in limits.items():
        errors += _amount(name, amount, f"{path}.limits[{name}]", named)
    for name, amount in requests.items():
        errors += _amount(name, amount, f"{path}.requests[{name}]", named)
        errors += _against_limit(name, amount, limits.get(name), path)
    given = {*limits, *requests}
    if any(name.startswith(_HUGEPAGES) for name in given) and not given & {"cpu", "memory"}:
        errors.append(forbidden(path, "HugePages require cpu or memory"))
    if requirements.get("claims"):
        errors += _claims(requirements["claims"], f"{path}.claims", claims)
    return errors


def _amount(name: str, amount: str, path: str, named: Named) -> list[FieldError]:
    if name in _PLAIN:
        value = parse(amount)
        return [] if value >= 0 else [invalid(path, canonical(amount), "must be greater than or equal to 0")]
    errors = named(name, path) + resource_names.resource_amount(name, amount, path)
    if name.startswith(_HUGEPAGES):
        errors += _hugepages(name, parse(amount), canonical(amount), path)
    return errors


def _hugepages(name: str, value: Decimal, text: str, path: str) -> list[FieldError]:
    """Whole pages; nothing is a multiple of a size that is none. Parts of bytes count as bytes."""
    try:
        size = parse(name.removeprefix(_HUGEPAGES))
    except ValueError:
        size = Decimal(0)
    if size > 0 and not size % 1 and not value.to_integral_value(ROUND_UP) % size:
        return []
    return [invalid(path, text, f"{text} is not positive integer multiple of {name}")]


def _against_limit(name: str, amount: str, limit: str | None, path: str) -> list[FieldError]:
    may_differ = resource_names.is_native(name) and not name.startswith(_HUGEPAGES)
    if limit is None:
        if may_differ:
            return []
        return [required(f"{path}.limits", "Limit must be set for non overcommitable resources")]
    if amount == limit:
        return []
    asked, most = parse(amount), parse(limit)
    if asked < most and may_differ:
        return []
    text, shown = f"limit of {canonical(limit)}", canonical(amount)
    if asked != most and not may_differ:
        return [invalid(f"{path}.requests", shown, f"must be equal to {name} {text}")]
    if asked > most:
        return [invalid(f"{path}.requests", shown, f"must be less than or equal to {name} {text}")]
    return []


def _claims(used: Sequence[Object], path: str, claims: Sequence[str]) -> list[FieldError]:
    """Each request of a claim once; a claim that is used as a whole is not used by its requests as well."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, claim in enumerate(used):
        name, request, place = claim.get("name", ""), claim.get("request", ""), f"{path}[{i}]"
        if not name:
            errors.append(required(place))
            continue
        if name in seen:
            errors.append(duplicate(place, name))
        else:
            key = f"{name}/{request}" if request else name
            errors += rules.named(names.label)(request, f"{place}.request")
            if key in seen:
                errors.append(duplicate(place, key))
            elif not request:
                errors += [duplicate(place, name) for each in seen if each.partition("/")[0] == name]
            seen.add(key)
        if name not in claims:
            among = f": {', '.join(sorted(claims))}" if claims else " which is empty"
            detail = f"must be one of the names in pod.spec.resourceClaims{among}"
            error = not_found(place, name)
            errors.append(FieldError(error.reason, error.field, f"{error.message}: {detail}"))
    return errors


def _against_pod_resources(spec: Object, path: str) -> list[FieldError]:
    """The pod's own requests hold all its containers, its huge pages as well, and no container may have more than the pod."""
    errors: list[FieldError] = []
    own = spec["resources"]
    for field, word, only in (("requests", "requests", ""), ("limits", "limits", _HUGEPAGES)):
        total = pod_amounts.together(spec, field)
        for name, amount in (own.get(field) or {}).items():
            if name.startswith(only) and name in total and parse(amount) < total[name].value:
                detail = f"must be greater than or equal to aggregate container {word} of {total[name]}"
                errors.append(invalid(f"{path}.{field}[{name}]", canonical(amount), detail))
    limits = own.get("limits") or {}
    for i, container in enumerate(spec.get("containers") or ()):
        for name, amount in (fields.at(container, "resources.limits") or {}).items():
            if name in limits and parse(amount) > parse(limits[name]):
                detail = f"must be less than or equal to pod limits of {canonical(limits[name])}"
                place = f"{path}.containers[{i}][{name}].limits"
                errors.append(invalid(place, canonical(amount), detail))
    return errors
