"""docs/howto/exec.md, typed as it is printed, with the real kubectl."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import pytest

from .console import Terminal, commands, matches, story

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "howto" / "exec.md"


def test_the_page_runs_as_it_is_printed(terminals: Callable[[str], Terminal]) -> None:
    for program in ("curl", "tr"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")

    for command in commands(PAGE.read_text()):
        printed = terminals(command.terminal).type(command)

        assert matches(command.printed, printed), story(PAGE, command, printed)
