"""What there is to play: scenarios by area, and what a real server answered to them."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from .replay import Scenario

HERE = pathlib.Path(__file__).parent
KUBECTL = "kubectl"
"""The area whose steps are commands; those of all others are requests."""


@dataclass(frozen=True, order=True)
class Recording:
    area: str
    name: str

    def __str__(self) -> str:
        return f"{self.area}/{self.name}"

    @property
    def scenario(self) -> Scenario:
        folder = HERE / KUBECTL if self.area == KUBECTL else HERE / "scenarios" / self.area
        return _yaml(folder / f"{self.name}.yaml")

    @property
    def golden(self) -> list[dict[str, Any]]:
        """The recorded answers, one for each of `positions`."""
        folder = HERE / f"{KUBECTL}-golden" if self.area == KUBECTL else HERE / "golden" / self.area
        answers: list[dict[str, Any]] = json.loads((folder / f"{self.name}.json").read_text())
        return answers

    @property
    def positions(self) -> list[int]:
        """Which steps of the scenario, counted from 1, are recorded."""
        return [n for n, step in enumerate(self.scenario["steps"], 1) if not step.get("skip") and "pause" not in step]


@functools.cache
def _yaml(path: pathlib.Path) -> Scenario:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    scenario: Scenario = yaml.load(path.read_text(), loader)
    return scenario


@functools.cache
def all_recordings() -> tuple[Recording, ...]:
    requests = [Recording(file.parent.name, file.stem) for file in HERE.glob("scenarios/*/*.yaml")]
    return tuple(sorted(requests + [Recording(KUBECTL, file.stem) for file in (HERE / KUBECTL).glob("*.yaml")]))


def selected(names: Iterable[str]) -> list[Recording]:
    """Those of the areas (`watch`) or of the scenarios (`watch/bookmarks`) that are named; all if none is.

    Raises ValueError for a name that is neither.
    """
    found: set[Recording] = set()
    for name in names:
        named = {each for each in all_recordings() if name in (each.area, str(each))}
        if not named:
            areas = ", ".join(sorted({each.area for each in all_recordings()}))
            raise ValueError(f"{name} is no scenario and none of the areas {areas}")
        found |= named
    return sorted(found) or list(all_recordings())
