"""not_yet.yaml: the steps that are not answered as a real server does, each with the reason.

    apply/conflicts:
      server-side apply and field ownership: 3-7, 9

Steps are counted from 1, as they stand in the scenario. One that is run without being recorded (`skip: true`) is listed when it
waits in vain.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

import yaml

from .recordings import HERE, KUBECTL, Recording
from .replay import Step

FILE = HERE / "not_yet.yaml"
HEAD = """\
# Steps that do not yet get the answer of a real API server. The list is strict: a step that starts to pass must leave it,
# but for those whose reason begins with `a race`: they pass now and then.
#     python -m tests.conformance.run --update      plays everything and writes this file anew; reasons are kept
"""

RACE = "a race"
"""Begins the reason of a step that passes now and then: our controllers are faster than the recorded ones, mostly."""

NotYet = dict[str, dict[int, str]]
"""By scenario (`apply/conflicts`) and step the reason."""

TOPICS = {
    "admission": "admission plugins and webhooks",
    "apply": "server-side apply and field ownership",
    "authentication": "authentication and service account tokens",
    "authorization": "RBAC",
    "controllers": "controllers",
    "crd": "custom resources",
    "defaults": "defaults of all kinds",
    "delete": "deletion, ownership and the garbage collector",
    "patch": "the four patches",
    "pods": "pods and their subresources",
    "validation": "validation of all kinds",
}
"""What an area waits for; the reason of its steps unless a more exact one is known."""

KUBECTL_TOPICS = {
    "apply": "server-side apply and field ownership",
    "auth": "RBAC",
    "certificates": "authentication and service account tokens",
    "crd": "custom resources",
    "create-rbac": "RBAC",
    "delete": "deletion, ownership and the garbage collector",
    "describe": "controllers",
    "edit": "strategic merge patch",
    "events-quota": "admission plugins and webhooks",
    "get-watch": "controllers",
    "label": "server-side apply and field ownership",
    "nodes": "controllers",
    "patch": "the four patches",
    "rollout": "controllers",
    "set": "strategic merge patch",
    "tutorial-5-in-pod": "authentication and service account tokens",
    "wait": "controllers",
}
"""The same for transcripts, by the beginning of their names; the longest counts."""

PATCH_TYPES = {
    "application/strategic-merge-patch+json": "strategic merge patch",
    "application/apply-patch+yaml": "server-side apply and field ownership",
}

UNKNOWN = "to be looked at"


def likely_reason(recording: Recording, step: Step) -> str:
    """What a step that fails most likely waits for."""
    if recording.area == KUBECTL:
        known = [name for name in KUBECTL_TOPICS if recording.name.startswith(name)]
        return KUBECTL_TOPICS[max(known, key=len)] if known else UNKNOWN
    return PATCH_TYPES.get(step.get("type", ""), TOPICS.get(recording.area, UNKNOWN))


def load(file: pathlib.Path = FILE) -> NotYet:
    listed = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
    return {
        scenario: {step: reason for reason, steps in reasons.items() for step in steps_in(str(steps))}
        for scenario, reasons in listed.items()
    }


def dump(not_yet: Mapping[str, Mapping[int, str]], file: pathlib.Path = FILE) -> None:
    lines = [HEAD]
    for scenario, steps in sorted(not_yet.items()):
        if steps:
            lines.append(f"{scenario}:\n")
        for reason in dict.fromkeys(reason for _, reason in sorted(steps.items())):
            with_it = [step for step, its_reason in steps.items() if its_reason == reason]
            lines.append(f"  {reason}: {in_words(with_it)}\n")
    file.write_text("".join(lines))


def steps_in(text: str) -> list[int]:
    """`1-3, 7` is 1, 2, 3, 7."""
    steps: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        steps += range(int(first), int(last or first) + 1)
    return steps


def in_words(steps: Iterable[int]) -> str:
    """1, 2, 3, 7 is `1-3, 7`."""
    parts: list[list[int]] = []
    for step in sorted(steps):
        if parts and parts[-1][-1] == step - 1:
            parts[-1].append(step)
        else:
            parts.append([step])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)
