"""KWOK Stages: "an object that looks like this becomes that, after so long", written in YAML by others.

https://kwok.sigs.k8s.io/docs/user/stages-configuration/
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fakekube.kubelet import Object, StageError
from fakekube.kubelet.go_template import Template, TemplateError
from fakekube.kubelet.jq import JqError, compile_jq
from fakekube.kubelet.stage_functions import NAMES
from fakekube.objects.times import TimeError, parse_duration, to_datetime
from fakekube.objects.yaml import YAMLError, load, load_all

API_VERSION = "kwok.x-k8s.io/v1alpha1"
SUFFIXES = (".yaml", ".yml", ".json")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
PATCH_TYPES = ("merge", "strategic", "json")

_SPEC = {"resourceRef", "selector", "weight", "weightFrom", "delay", "next", "steps", "immediateNextStage"}
_SELECTOR = {"matchLabels", "matchAnnotations", "matchExpressions"}
_DELAY = {"durationMilliseconds", "durationFrom", "jitterDurationMilliseconds", "jitterDurationFrom"}
_NEXT = {"event", "finalizers", "delete", "statusTemplate", "statusSubresource", "statusPatchAs", "patches"}
_STEP = {"event", "finalizers", "delete", "patch"}
_PATCH = {"subresource", "root", "template", "type", "impersonation"}

Query = Callable[[Any], list[Any]]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of matchExpressions."""

    query: Query
    operator: str
    values: tuple[str, ...]

    def holds(self, obj: Object) -> bool:
        found = [each for each in self.query(obj) if each is not None]
        if self.operator in ("Exists", "DoesNotExist"):
            return bool(found) == (self.operator == "Exists")
        return any(_text(each) in self.values for each in found) == (self.operator == "In")


@dataclass(frozen=True, slots=True)
class Patch:
    """What is written: the rendered template under `root`, by merge or strategic merge; a JSON patch as it is."""

    template: Template
    where: str
    line: int
    root: str = "status"
    subresource: str = "status"
    type: str = "merge"
    user: str = ""
    """As whom it is written; by default as whoever plays."""

    def render(self, obj: Object, functions: Mapping[str, Callable[..., Any]]) -> Any:
        """Raises StageError."""
        try:
            text = self.template.render(obj, functions)
            value = load(text).value
        except TemplateError as error:
            raise StageError(f"{self.where}:{self.line + error.line - 1}: {error.message}") from None
        except YAMLError as error:
            raise StageError(f"{self.where}:{self.line}: what the template renders is no YAML: {error}") from None
        return value if self.type == "json" or not self.root else {self.root: value}


@dataclass(frozen=True, slots=True)
class Told:
    """An event."""

    type: str
    reason: str
    message: Template


@dataclass(frozen=True, slots=True)
class Finalizers:
    """What becomes of metadata.finalizers."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    empty: bool = False

    def of(self, present: list[str]) -> list[str]:
        kept = [] if self.empty else [each for each in present if each not in self.remove]
        return [*kept, *(each for each in self.add if each not in kept)]


DELETE = "delete"
Step = Told | Finalizers | Patch | str
"""What is done; the text is DELETE."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One stage, ready to be played."""

    name: str
    group: str
    kind: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    requirements: tuple[Requirement, ...]
    weight: int
    weight_from: Query | None
    duration_ms: int
    duration_from: Query | None
    jitter_ms: int | None
    jitter_from: Query | None
    steps: tuple[Step, ...]

    def fits(self, obj: Object) -> bool:
        metadata = obj["metadata"]
        return (
            self.labels.items() <= (metadata.get("labels") or {}).items()
            and self.annotations.items() <= (metadata.get("annotations") or {}).items()
            and all(requirement.holds(obj) for requirement in self.requirements)
        )

    def weight_of(self, obj: Object) -> int:
        found = self.weight_from(obj) if self.weight_from else []
        try:
            return int(found[0]) if found and found[0] is not None else self.weight
        except ValueError:
            return self.weight

    def delay_s(self, obj: Object, now: datetime, chance: random.Random) -> float:
        """At least the duration, at most the jitter, which is a duration as well."""
        least = _duration(self.duration_from, obj, now)
        least = self.duration_ms / 1000 if least is None else least
        most = _duration(self.jitter_from, obj, now)
        if most is None and self.jitter_ms is not None:
            most = self.jitter_ms / 1000
        if most is None or most <= least:
            return max(least if most is None or self.jitter_from is None else most, 0.0)
        return least + chance.random() * (most - least)


def choose(stages: list[Stage], obj: Object, chance: random.Random) -> Stage | None:
    """One of those that fit, at random by their weights; without weights each is as likely."""
    fitting = [stage for stage in stages if stage.fits(obj)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    weights = [max(stage.weight_of(obj), 0) for stage in fitting]
    return chance.choices(fitting, weights if any(weights) else None)[0]


def read(directory: Path) -> tuple[Stage, ...]:
    """All stages of a directory or file, in the order of the files. Other objects in the files are left out.

    Raises StageError for what is no stage or holds what is not supported, with file and line.
    """
    if not directory.exists():
        raise StageError(f"{directory}: there is no such file or directory")
    files = sorted(directory.rglob("*")) if directory.is_dir() else [directory]
    stages: list[Stage] = []
    for file in files:
        if file.suffix in SUFFIXES and file.is_file():
            stages += _stages(file)
    if not stages:
        raise StageError(f"{directory}: there are no stages here: expected objects of kind Stage, {API_VERSION}")
    return tuple(stages)


def _stages(file: Path) -> list[Stage]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        documents = list(load_all(text))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise StageError(f"{file}: {error}") from None
    return [
        _Reader(str(file), text.split("\n"), document.line).stage(document.value)
        for document in documents
        if isinstance(document.value, dict)
        and document.value.get("kind") == "Stage"
        and str(document.value.get("apiVersion", "")).startswith("kwok.x-k8s.io/")
    ]


class _Reader:
    """Makes a stage of its YAML, and finds the lines of what it refuses."""

    def __init__(self, file: str, lines: list[str], line: int) -> None:
        self._file = file
        self._lines = lines
        self._line = line

    def stage(self, value: Object) -> Stage:
        name = str(value.get("metadata", {}).get("name", ""))
        spec = self._known(value.get("spec") or {}, _SPEC)
        reference = spec.get("resourceRef") or {}
        if not reference.get("kind"):
            raise self._refused("spec.resourceRef.kind is missing", "resourceRef")
        selector = self._known(spec.get("selector") or {}, _SELECTOR)
        delay = self._known(spec.get("delay") or {}, _DELAY)
        group = str(reference.get("apiGroup") or "v1")
        return Stage(
            name,
            "" if group == "v1" else group.partition("/")[0],
            str(reference["kind"]),
            selector.get("matchLabels") or {},
            selector.get("matchAnnotations") or {},
            tuple(self._requirement(each) for each in selector.get("matchExpressions") or ()),
            int(spec.get("weight") or 0),
            self._from(spec.get("weightFrom")),
            int(delay.get("durationMilliseconds") or 0),
            self._from(delay.get("durationFrom")),
            delay.get("jitterDurationMilliseconds"),
            self._from(delay.get("jitterDurationFrom")),
            (
                *self._next(spec.get("next") or {}),
                *(step for each in spec.get("steps") or () for step in self._step(each)),
            ),
        )

    def _requirement(self, value: Object) -> Requirement:
        if "cel" in value:
            raise self._refused("expressions in CEL are not supported, only jq", "cel:")
        value = value.get("jq", value)
        operator = value.get("operator")
        if operator not in OPERATORS:
            raise self._refused(f"the operator {operator!r} is none of {', '.join(OPERATORS)}", str(operator))
        values = tuple(_text(each) for each in value.get("values") or ())
        return Requirement(self._query(str(value.get("key", ""))), operator, values)

    def _from(self, value: Object | None) -> Query | None:
        if not value:
            return None
        if "cel" in value:
            raise self._refused("expressions in CEL are not supported, only jq", "cel:")
        text = value.get("jq", {}).get("expression") if "jq" in value else value.get("expressionFrom")
        if not text:
            raise self._refused(f"expected expressionFrom or jq.expression, not {', '.join(value)}", next(iter(value)))
        return self._query(str(text))

    def _query(self, text: str) -> Query:
        try:
            return compile_jq(text)
        except JqError as error:
            raise self._refused(str(error), text) from None

    def _next(self, value: Object) -> list[Step]:
        self._known(value, _NEXT)
        steps: list[Step] = self._step({key: value[key] for key in ("event", "finalizers") if key in value})
        if value.get("statusTemplate"):
            subresource = value.get("statusSubresource", "status")
            patch: Object = {"template": value["statusTemplate"], "subresource": subresource}
            if value.get("statusPatchAs"):
                patch["impersonation"] = value["statusPatchAs"]
            steps.append(self._patch(patch))
        steps += [self._patch(each) for each in value.get("patches") or ()]
        return [*steps, *self._step({"delete": True} if value.get("delete") else {})]

    def _step(self, value: Object) -> list[Step]:
        self._known(value, _STEP)
        steps: list[Step] = []
        if value.get("event"):
            event = value["event"]
            message = self._template(str(event.get("message", "")))[0]
            steps.append(Told(str(event.get("type", "Normal")), str(event.get("reason", "")), message))
        if value.get("finalizers"):
            steps.append(self._finalizers(value["finalizers"]))
        if value.get("patch"):
            steps.append(self._patch(value["patch"]))
        if value.get("delete"):
            steps.append(DELETE)
        return steps

    def _finalizers(self, value: Object) -> Finalizers:
        self._known(value, {"add", "remove", "empty"})
        add, remove = (
            tuple(str(each["value"] if isinstance(each, dict) else each) for each in value.get(key) or ())
            for key in ("add", "remove")
        )
        return Finalizers(add, remove, bool(value.get("empty")))

    def _patch(self, value: Object) -> Patch:
        self._known(value, _PATCH)
        type = value.get("type") or "merge"
        if type not in PATCH_TYPES:
            raise self._refused(f"the type of patch {type!r} is none of {', '.join(PATCH_TYPES)}", str(type))
        template, line = self._template(str(value.get("template", "")))
        subresource = str(value.get("subresource", ""))
        root = str(value.get("root", "status" if subresource == "status" else ""))
        user = str(self._known(value.get("impersonation") or {}, {"username"}).get("username", ""))
        return Patch(template, self._file, line, root, subresource, type, user)

    def _template(self, text: str) -> tuple[Template, int]:
        """(the template, the line of the file where it begins)"""
        first = next((line.strip() for line in text.split("\n") if line.strip()), "")
        blank = len(text) - len(text.lstrip("\n"))
        line = self._line_of(first) - blank
        try:
            return Template(text, set(NAMES)), line
        except TemplateError as error:
            raise StageError(f"{self._file}:{line + error.line - 1}: {error.message}") from None

    def _known(self, value: Any, known: set[str]) -> Object:
        if not isinstance(value, dict):
            raise self._refused(f"expected a mapping with {', '.join(sorted(known))}", str(value))
        for key in value:
            if key not in known:
                raise self._refused(
                    f"the field {key!r} is not supported: expected {', '.join(sorted(known))}", f"{key}:"
                )
        return value

    def _refused(self, message: str, near: str) -> StageError:
        return StageError(f"{self._file}:{self._line_of(near)}: {message}")

    def _line_of(self, text: str) -> int:
        """Where the text stands in the document, as far as it can be found."""
        for number, line in enumerate(self._lines[self._line - 1 :], self._line):
            if text and text in line:
                return number
        return self._line


def _duration(query: Query | None, obj: Object, now: datetime) -> float | None:
    """Seconds: of a duration (`1m`), of milliseconds, or until a time; None when nothing is said."""
    found = query(obj) if query else []
    if not found or found[0] is None:
        return None
    text = str(found[0])
    if re.fullmatch(r"\d+", text):
        return int(text) / 1000
    try:
        return (to_datetime(text) - now).total_seconds()
    except TimeError:
        pass
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
