"""docs/howto/policies.md, typed as it is printed, with the real kubectl."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from .console import Terminal, commands, matches, story

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "howto" / "policies.md"


def test_the_page_runs_as_it_is_printed(terminals: Callable[[str], Terminal]) -> None:
    for command in commands(PAGE.read_text()):
        printed = terminals(command.terminal).type(command)

        assert matches(command.printed, printed), story(PAGE, command, printed)
