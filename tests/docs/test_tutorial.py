"""docs/tutorial.md, typed as it is printed, with the real curl, the real kubectl and the real client libraries."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from .console import Command, Terminal, commands, matches

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"


@pytest.fixture
def terminals(tmp_path: pathlib.Path) -> Iterator[Callable[[str], Terminal]]:
    """Terminals by name, in a folder that looks like the repository to the page's commands."""
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


def test_the_tutorial_runs_as_it_is_printed(terminals: Callable[[str], Terminal]) -> None:
    for program in ("curl", "bash"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    for port in (6443, 8001):
        require_free(port)

    for command in commands(PAGE.read_text()):
        printed = terminals(command.terminal).type(command)

        assert matches(command.printed, printed), story(command, printed)


def test_every_command_of_the_page_is_found() -> None:
    typed = [line for line in PAGE.read_text().splitlines() if line.startswith("$ ")]

    assert len(list(commands(PAGE.read_text()))) == len(typed)


def test_dots_stand_for_any_text() -> None:
    assert matches("{\n...\n}", '{\n  "a": 1\n}\n')
    assert matches("pod-... Running", "pod-x7k Running")
    assert not matches("pod Running", "pod Pending")


def require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            pytest.fail(f"port {port} of the tutorial is in use on this machine")


def story(command: Command, printed: str) -> str:
    return f"{PAGE.name}:{command.line}\n$ {command.typed}\n--- promised\n{command.printed}\n--- printed\n{printed}"
