from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable, Iterator

import pytest

from fakekube.sandbox import choose
from tests.sandbox.actors import OF_EVERYTHING

from .console import Terminal

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def terminals(tmp_path: pathlib.Path) -> Iterator[Callable[[str], Terminal]]:
    """Terminals by name, in a folder that looks like the repository to the page's commands."""
    if (rung := choose()).name not in OF_EVERYTHING:
        pytest.skip(f"this machine builds no view of everything, several at a time: {rung.why}")
    (tmp_path / "home").mkdir()
    (tmp_path / "seed_data").symlink_to(ROOT / "seed_data")
    kept = {name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR")}
    programs = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = kept | {"PATH": programs, "HOME": str(tmp_path / "home"), "TERM": "dumb"}
    opened: dict[str, Terminal] = {}

    def terminal(name: str) -> Terminal:
        if name not in opened:
            opened[name] = Terminal(tmp_path, environment)
        return opened[name]

    yield terminal
    for each in reversed(opened.values()):
        each.close()
