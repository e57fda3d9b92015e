"""docs/howto/ci.md, typed as it is printed."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable

import pytest
import yaml

from .console import Terminal, commands, matches, story

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "howto" / "ci.md"


def test_the_page_runs_as_it_is_printed(terminals: Callable[[str], Terminal], tmp_path: pathlib.Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = PAGE.read_text().replace("/tmp/fakekube-ci", str(tmp_path / "certs-of-ci"))

    for command in commands(page):
        printed = terminals(command.terminal).type(command)

        assert matches(command.printed, printed), story(PAGE, command, printed)


def test_its_pipelines_are_yaml_that_runs_fakekube() -> None:
    pipelines = [block.partition("\n```")[0] for block in PAGE.read_text().split("```yaml\n")[1:]]

    assert len(pipelines) == 2
    for pipeline in pipelines:
        assert "fakekube run -f" in str(yaml.safe_load(pipeline))
