"""docs/parity.md: how much of what a real API server answered fakekube answers too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import not_yet
from .kubectl_binary import RECORDED_WITH
from .recordings import HERE, Recording, all_recordings

FILE = HERE.parents[1] / "docs" / "parity.md"

HEAD = f"""\
# How near to the real one

Kubernetes 1.36 (kube-apiserver, kube-controller-manager and kube-scheduler, without nodes) was asked what stands in
[tests/conformance](../tests/conformance), and its answers were kept; area `kubectl` are commands of kubectl {RECORDED_WITH} and what they
printed. `fakekube serve --nodes 0` is asked the same over TLS in every test run. Equal means: the same status, the same headers that a
client reads, the same body value by value, but for uids, times, addresses and the like.

What is not equal yet is listed, step by step and with its reason, in [not_yet.yaml](../tests/conformance/not_yet.yaml). This page is
made from that list by `python -m tests.conformance.run --update`; a test proves both true.

| area | scenarios | steps | equal | |
|---|---:|---:|---:|---:|
"""


def page(listed: Mapping[str, Mapping[int, str]]) -> str:
    """The page for a list of steps that are not equal."""
    areas: dict[str, list[Recording]] = {}
    for recording in all_recordings():
        areas.setdefault(recording.area, []).append(recording)
    rows = {area: counts(recordings, listed) for area, recordings in areas.items()}
    rows["**all**"] = counts(all_recordings(), listed)
    table = [
        f"| {area} | {n} | {steps:,} | {equal:,} | {share(equal, steps)} |" for area, (n, steps, equal) in rows.items()
    ]
    reasons: dict[str, int] = {}
    for recording in all_recordings():
        for position in recording.positions:
            if reason := listed.get(str(recording), {}).get(position):
                reasons[reason] = reasons.get(reason, 0) + 1
    waiting = [f"| {reason} | {steps:,} |" for reason, steps in sorted(reasons.items(), key=lambda each: -each[1])]
    why = ["", "Why the others are not:", "", "| reason | steps |", "|---|---:|", *waiting] if waiting else []
    return HEAD + "\n".join([*table, *why]) + "\n"


def counts(recordings: Sequence[Recording], listed: Mapping[str, Mapping[int, str]]) -> tuple[int, int, int]:
    """How many scenarios, recorded steps, and steps that are equal."""
    steps = [(str(recording), position) for recording in recordings for position in recording.positions]
    equal = sum(position not in listed.get(scenario, {}) for scenario, position in steps)
    return len(recordings), len(steps), equal


def share(equal: int, steps: int) -> str:
    """In whole percent, rounded down: 100 % is said of all of them alone."""
    return f"{100 * equal // steps} %"


def current() -> bool:
    return FILE.exists() and FILE.read_text() == page(not_yet.load())
