"""From a CustomResourceDefinition to the kinds that it has served, a Kind for each version.

An object of any version lies in the store in the storage version. Between versions (conversion None) only apiVersion is exchanged, and what
the other schema does not know is lost; with conversion Webhook a program elsewhere converts, see conversion_webhook.py.
https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/custom-resources/
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fakekube.errors import forbidden
from fakekube.facts import ResourceFacts
from fakekube.objects import names as rules_of_names
from fakekube.objects import structural_schemas, structural_schemas_validation
from fakekube.objects.decode_messages import Finding
from fakekube.objects.field_errors import FieldError, go_quoted, invalid
from fakekube.objects.fields import text_at
from fakekube.objects.go_text import plain_text, type_text
from fakekube.objects.metadata import STANDARD_FINALIZERS
from fakekube.objects.structs import Decoded, decode_custom_resource
from fakekube.objects.structural_schemas_validation import ABSENT
from fakekube.registry.create import put_in_order
from fakekube.registry.kind import Kind, Object, Operation, ScaleRules, Strategy, Subresource, Wire

if TYPE_CHECKING:
    from fakekube.kinds.conversion_webhook import Converter
    from fakekube.kinds.custom_rules import CustomRules

Definition = Mapping[str, Any]
Version = Mapping[str, Any]

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
"""The collection that definitions lie in."""

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
VERBS_WHILE_TERMINATING = ("delete", "deletecollection", "get", "list", "watch")
_DOOR_VERBS = ("get", "patch", "update")
_SCALE_COLUMNS = (
    {"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas", "description": "Number of desired replicas"},
    {
        "name": "Available",
        "type": "integer",
        "jsonPath": ".status.replicas",
        "description": "Number of actual replicas",
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)
NEGATIVE_REPLICAS = "should be a non-negative integer"
LARGEST_REPLICAS = (1 << 31) - 1
PATCH_TYPES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")


@dataclass(frozen=True, slots=True)
class Served:
    """What a definition means at one moment."""

    collection: str
    kind: str
    storage_api_version: str
    kinds: tuple[Kind, ...]
    """Those that are served: none before the definition is established."""
    storage_kind: Kind
    """The kind of the storage version, which need not be served."""


def served(definition: Definition, *, rereads: bool, converter: Converter | None = None) -> Served:
    """The kinds of a definition. `rereads`: objects may lie in the store that were written by other schemas.

    Without a `converter` versions differ in nothing but their schemas.
    """
    spec = definition["spec"]
    group, names = spec["group"], spec["names"]
    storage = storage_version(definition)
    kinds = {
        version["name"]: _kind(definition, version, storage, converter, rereads=rereads)
        for version in spec["versions"]
        if version.get("served") or version is storage
    }
    established = is_condition_true(definition, "Established")
    return Served(
        f"{names['plural']}.{group}",
        names["kind"],
        f"{group}/{storage['name']}",
        tuple(kinds[version["name"]] for version in spec["versions"] if established and version.get("served")),
        kinds[storage["name"]],
    )


def storage_version(definition: Definition) -> Version:
    version: Version = next(version for version in definition["spec"]["versions"] if version.get("storage"))
    return version


def is_condition_true(definition: Definition, type: str) -> bool:
    return any(
        condition["type"] == type and condition["status"] == "True"
        for condition in (definition.get("status") or {}).get("conditions") or ()
    )


def schema_of(version: Version) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return schema


def version_place(version: str) -> tuple[int, int, int, str]:
    """A sort key that puts v2 before v1 before v2beta1 before v1alpha1, and whatever is no such version behind, by name.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority
    """
    parts = _VERSION.fullmatch(version)
    if parts is None:
        return 3, 0, 0, version
    major, stage, minor = parts.groups()
    return {"": 0, "beta": 1, "alpha": 2}[stage or ""], -int(major), -int(minor or 0), ""


_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")


def _kind(
    definition: Definition, version: Version, storage: Version, converter: Converter | None, *, rereads: bool
) -> Kind:
    spec = definition["spec"]
    group, names, name = spec["group"], spec["names"], version["name"]
    # Names that were refused are not served; while none is accepted those that are wanted stand here, for the storage kind alone.
    accepted = (definition.get("status") or {}).get("acceptedNames") or {}
    accepted = accepted if accepted.get("kind") else names
    selectable = {field["jsonPath"][1:]: field["jsonPath"] for field in version.get("selectableFields") or ()}
    doors = version.get("subresources") or {}
    has_status, scale = "status" in doors, doors.get("scale")
    subresources = []
    if has_status:
        subresources.append(Subresource("status", names["kind"], group, name, _DOOR_VERBS))
    if scale is not None:
        subresources.append(Subresource("scale", "Scale", "autoscaling", "v1", _DOOR_VERBS, _SCALE_COLUMNS))
    is_terminating = "deletionTimestamp" in definition["metadata"]
    namespaced = spec["scope"] == "Namespaced"
    facts = ResourceFacts(
        group=group,
        version=name,
        resource=names["plural"],
        singular=accepted.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        namespaced=namespaced,
        verbs=VERBS,
        short_names=tuple(accepted.get("shortNames") or ()),
        categories=tuple(accepted.get("categories") or ()),
        storage_version_hash=_hash(f"{group}/{storage['name']}/{names['kind']}"),
        subresources=(),
        type_name="",
        stored_as=(group, storage["name"]),
        name_rule="subdomain",
        generation="1",
        generation_grows_with=(),
        status_at_create=None,
        put_creates=False,
        put_needs_resource_version=True,
        status_write_takes_metadata=(),
        field_selectors=("metadata.name", *(("metadata.namespace",) if namespaced else ()), *selectable),
        field_selector_error="field label not supported: {field}",
        empty={},
        columns=(),
    )
    schemas = {each["name"]: schema_of(each) for each in spec["versions"]}
    rules = _Rules(
        group=group,
        version=name,
        storage=storage["name"],
        kind=names["kind"],
        resource=names["plural"],
        schemas=schemas,
        has_status=has_status,
        is_terminating=is_terminating,
        converter=converter,
        scale=scale,
    )
    return Kind(
        facts=facts,
        load_strategy=lambda: _strategy(rules, selectable, scale),
        subresources=tuple(subresources),
        wire=Wire(
            is_typed=False,
            rereads=rereads,
            list_kind=accepted.get("listKind") or f"{names['kind']}List",
            discovery_verbs=VERBS_WHILE_TERMINATING if is_terminating else VERBS,
            patch_types=PATCH_TYPES,
            printer_columns=tuple(version.get("additionalPrinterColumns") or ()),
            deprecation_warning=_deprecation_warning(spec, version),
            schema=schema_of(version),
        ),
    )


def _hash(stored_as: str) -> str:
    return base64.b64encode(hashlib.sha256(stored_as.encode()).digest()[:8]).decode()


def _deprecation_warning(spec: Mapping[str, Any], version: Version) -> str:
    if not version.get("deprecated"):
        return ""
    own: str | None = version.get("deprecationWarning")
    if own is not None:
        return own
    group, kind = spec["group"], spec["names"]["kind"]
    text = f"{group}/{version['name']} {kind} is deprecated"
    better = [
        each["name"]
        for each in spec["versions"]
        if each.get("served")
        and not each.get("deprecated")
        and version_place(each["name"]) < version_place(version["name"])
    ]
    return f"{text}; use {group}/{min(better, key=version_place)} {kind}" if better else text


class _Rules:
    """The life of the objects of one version: how they are read, judged and stored."""

    def __init__(
        self,
        *,
        group: str,
        version: str,
        storage: str,
        kind: str,
        resource: str,
        schemas: Mapping[str, Mapping[str, Any]],
        has_status: bool,
        is_terminating: bool,
        converter: Converter | None,
        scale: Mapping[str, str] | None = None,
    ) -> None:
        self._group, self._version, self._storage = group, version, storage
        self._kind, self._resource = kind, resource
        self._schemas = schemas
        self._schema = schemas[version]
        self._has_status = has_status
        self._is_terminating = is_terminating
        self.converter = converter
        self._scale = scale
        self._with_defaults = {name for name, schema in schemas.items() if structural_schemas.has_defaults(schema)}

    # reading

    def decode(self, value: Any) -> Decoded:
        """Raises DecodeError."""
        decoded = decode_custom_resource(value)
        obj, unknown = structural_schemas.pruned(decoded.object, self._schema)
        findings = (*decoded.findings, *(Finding("unknown", path) for path in unknown))
        return Decoded(obj, findings, decoded.needs_text)

    def set_defaults(self, obj: Object) -> None:
        self._default(obj, self._version)

    def _default(self, obj: Object, version: str) -> None:
        if version in self._with_defaults:
            structural_schemas.set_defaults(obj, self._schemas[version])

    # versions

    def from_storage(self, obj: Object) -> Object:
        """As it is shown now, whichever schema it was written by: pruned and filled in by its own version's, then by this one's pruned."""
        stored = obj["apiVersion"].rpartition("/")[2]
        if self.converter is not None and stored == self._version:
            return obj
        shown = self._as_it_was_stored(obj, stored)
        return self._converted(shown, self._version) if stored != self._version else shown

    def _as_it_was_stored(self, obj: Object, version: str) -> Object:
        if version not in self._schemas:
            return obj
        shown, _ = structural_schemas.pruned(obj, self._schemas[version], is_stored=True)
        self._default(shown, version)
        return shown

    async def read(self, objects: Sequence[Object]) -> Sequence[Object]:
        """As `from_storage`, with the webhook's conversion. Raises InternalError."""
        assert self.converter is not None
        versions = [obj["apiVersion"].rpartition("/")[2] for obj in objects]
        shown = [self._as_it_was_stored(obj, version) for obj, version in zip(objects, versions, strict=True)]
        for version in sorted({*versions} - {self._version}):
            places = [place for place, each in enumerate(versions) if each == version]
            converted = await self.converter.converted([shown[place] for place in places], self._api_version)
            for place, obj in zip(places, converted, strict=True):
                shown[place] = self._converted(obj, self._version)
        return shown

    async def write(self, obj: Object) -> Object:
        """As `to_storage`, with the webhook's conversion. Raises InternalError."""
        assert self.converter is not None
        if obj["apiVersion"].rpartition("/")[2] == self._storage:
            return obj
        (converted,) = await self.converter.converted([obj], f"{self._group}/{self._storage}")
        return self._filled_in(self._converted(converted, self._storage))

    def _filled_in(self, obj: Object) -> Object:
        """What comes from another version has not met the defaults of the stored one, by which objects are read."""
        self._default(obj, self._storage)
        return obj

    @property
    def _api_version(self) -> str:
        return f"{self._group}/{self._version}"

    def to_storage(self, obj: Object) -> Object:
        if obj["apiVersion"].rpartition("/")[2] == self._storage:
            return obj
        return self._filled_in(self._converted(obj, self._storage))

    def _converted(self, obj: Object, version: str) -> Object:
        converted, _ = structural_schemas.pruned(obj, self._schemas[version], is_stored=True)
        converted["apiVersion"] = f"{self._group}/{version}"
        return converted

    # writing

    def prepare_create(self, obj: Object, operation: Operation) -> None:
        if self._is_terminating:
            name = obj["metadata"].get("name", "")
            text = "create not allowed while custom resource definition is terminating"
            raise forbidden(self._group, self._resource, name, text)
        if self._has_status:
            obj.pop("status", None)

    def prepare_update(self, obj: Object, old: Object, operation: Operation) -> None:
        if self._has_status:
            obj.pop("status", None)
            if "status" in old:
                obj["status"] = old["status"]
        structural_schemas.sort_keys(obj)
        not_counted = ("metadata", "status") if self._has_status else ("metadata",)
        if any(obj.get(key, ABSENT) != old.get(key, ABSENT) for key in {*obj, *old}.difference(not_counted)):
            obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
            obj["metadata"] = put_in_order(obj["metadata"])

    def prepare_status_update(self, obj: Object, old: Object, operation: Operation) -> None:
        if obj.get("status", ABSENT) is None:
            del obj["status"]
        structural_schemas.sort_keys(obj)

    # judging

    def validate_create(self, obj: Object) -> list[FieldError]:
        return self._wrong_kind(obj) or self._judged(obj, ABSENT)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        return self._wrong_kind(obj) or self._judged(obj, old)

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:
        """By its schema the status alone is judged, by the rules the whole object."""
        if wrong := self._wrong_kind(obj):
            return wrong
        errors: list[FieldError] = []
        schema = (self._schema.get("properties") or {}).get("status")
        if "status" in obj and schema is not None:
            before = old.get("status", ABSENT)
            errors += structural_schemas_validation.validate_value(obj["status"], schema, base="status", old=before)
        errors += self._scale_errors(obj, only_status=True)
        errors += structural_schemas_validation.list_errors(obj, self._schema, old)
        return self._with_rules(errors, obj, old)

    def _judged(self, obj: Object, old: Any) -> list[FieldError]:
        errors = structural_schemas_validation.validate_value(obj, self._schema, old=old)
        errors += self._scale_errors(obj)
        errors += structural_schemas_validation.whole_errors(obj, self._schema, old)
        return self._with_rules(errors, obj, old)

    def _with_rules(self, errors: list[FieldError], obj: Object, old: Any) -> list[FieldError]:
        rules = self._validations
        if rules is None:
            return errors
        # Of the metadata, which is judged elsewhere, a missing name alone is of the kind.
        if structural_schemas_validation.forbids_rules(errors) or not obj["metadata"].get("name"):
            return [*errors, structural_schemas_validation.RULES_NOT_CHECKED]
        return errors + rules.judge(obj, old)

    def _scale_errors(self, obj: Object, *, only_status: bool = False) -> list[FieldError]:
        if self._scale is None:
            return []
        errors: list[FieldError] = []
        counts = [self._scale["statusReplicasPath"]]
        for path in counts if only_status else [self._scale["specReplicasPath"], *counts]:
            value, why = _scale_value(obj, path, "int64")
            if why:
                errors.append(invalid(path, 0, why))
            elif value is not None and value < 0:
                errors.append(invalid(path, value, NEGATIVE_REPLICAS))
            elif value is not None and value > LARGEST_REPLICAS:
                errors.append(invalid(path, value, f"should be less than or equal to {LARGEST_REPLICAS}"))
        if path := self._scale.get("labelSelectorPath", ""):
            _, why = _scale_value(obj, path, "string")
            if why:
                errors.append(invalid(path, "", why))
        return errors

    @cached_property
    def _validations(self) -> CustomRules | None:
        """Compiled as the first object is judged: most definitions are older than the server that reads them."""
        if not structural_schemas.has_rules(self._schema):
            return None
        from fakekube.kinds.custom_rules import CustomRules

        return CustomRules(self._schema)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Finalizers that others could have named the same, when they come."""
        before = (old or {"metadata": {}})["metadata"].get("finalizers") or ()
        return [
            text
            for finalizer in sorted({*(obj["metadata"].get("finalizers") or ())}.difference(before))
            for text in _finalizer_warnings(finalizer)
        ]

    def _wrong_kind(self, obj: Object) -> list[FieldError]:
        if obj["kind"] == self._kind:
            return []
        return [invalid("kind", obj["kind"], f"must be {self._kind}")]


def _strategy(rules: _Rules, selectable: Mapping[str, str], scale: Mapping[str, str] | None) -> Strategy:
    return Strategy(
        decode=rules.decode,
        set_defaults=rules.set_defaults,
        converts_last=True,
        to_storage=rules.to_storage,
        from_storage=rules.from_storage,
        read=None if rules.converter is None else rules.read,
        write=None if rules.converter is None else rules.write,
        prepare_create=rules.prepare_create,
        prepare_update=rules.prepare_update,
        prepare_status_update=rules.prepare_status_update,
        validate_create=rules.validate_create,
        validate_update=rules.validate_update,
        validate_status_update=rules.validate_status_update,
        warnings=rules.warnings,
        selectable_fields={field: _reader(rules, path[1:]) for field, path in selectable.items()},
        scale=None if scale is None else _scale_rules(scale),
    )


def _finalizer_warnings(finalizer: str) -> list[str]:
    head = f"metadata.finalizers: {go_quoted(finalizer)}"
    texts = [f"{head}: {text}" for text in rules_of_names.qualified_name(finalizer)]
    if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
        path = " including a path (/)" if "." in finalizer else ""
        advice = (
            f"prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
        )
        texts.append(f"{head}: {advice}")
    return texts


def _reader(rules: _Rules, path: str) -> Callable[[Object], str]:
    return lambda obj: text_at(rules.from_storage(obj), path)


def _scale_rules(paths: Mapping[str, str]) -> ScaleRules:
    wanted, present = _steps(paths["specReplicasPath"]), _steps(paths["statusReplicasPath"])
    selector = _steps(paths.get("labelSelectorPath") or "")

    def read(obj: Object) -> tuple[int | None, int, str]:
        replicas, text = _found(obj, wanted), _found(obj, selector) if selector else None
        return _integer(replicas), _integer(_found(obj, present)) or 0, text if isinstance(text, str) else ""

    def write(obj: Object, replicas: int) -> None:
        *above, last = wanted
        for step in above:
            inner = obj.get(step)
            obj[step] = obj = dict(inner) if isinstance(inner, dict) else {}
        obj[last] = replicas

    return ScaleRules(
        read=read,
        write=write,
        replicas_path=paths["specReplicasPath"],
        negative_text=NEGATIVE_REPLICAS,
    )


def _scale_value(obj: Object, path: str, wanted: str) -> tuple[Any, str]:
    """What stands at the path of a scale, None if nothing does, and why it is not of the Go type that is wanted."""
    names = path.removeprefix(".").split(".")
    value: Any = obj
    for i, name in enumerate(names):
        if not isinstance(value, dict):
            return None, _accessor_text(names[: i + 1], value, "map[string]interface{}")
        if name not in value:
            return None, ""
        value = value[name]
        if value is None and i + 1 < len(names):
            return None, ""
    fits = isinstance(value, str) if wanted == "string" else isinstance(value, int) and not isinstance(value, bool)
    return (value, "") if fits else (None, _accessor_text(names, value, wanted))


def _accessor_text(names: Sequence[str], value: Any, wanted: str) -> str:
    type = "<nil>" if value is None else type_text(value)
    return f".{'.'.join(names)} accessor error: {plain_text(value)} is of the type {type}, expected {wanted}"


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _steps(path: str) -> Sequence[str]:
    """`.spec.replicas` -> ("spec", "replicas"); a name with dots stands in `['...']`."""
    steps = []
    for match in _STEP.finditer(path):
        steps.append((match[1] if match[1] is not None else match[2]).replace("\\.", "."))
    return tuple(steps)


_STEP = re.compile(r"\.((?:[^.\[\\]|\\.)+)|\[['\"]([^\]'\"]*)['\"]\]")


def _found(obj: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj
