"""The controllers, a file each: a file with `CONTROLLER = Controller(...)` is found here and runs in every cluster."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakekube.controllers.loop import Controller

_MODULES = [import_module(f"{__name__}.{path.stem}") for path in sorted(Path(__file__).parent.glob("[!_]*.py"))]

CONTROLLERS: tuple[Controller, ...] = tuple(module.CONTROLLER for module in _MODULES if hasattr(module, "CONTROLLER"))
"""All of them, in the order of their files' names."""
