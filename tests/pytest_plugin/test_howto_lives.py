"""docs/howto/time-and-lives.md: each of its sections is a project whose tests pass."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fakekube.kubelet.lives import Life
from tests.pytest_plugin.sessions import INI

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "time-and-lives.md").read_text()
SECTIONS = dict(section.split("\n", 1) for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:])


@pytest.mark.parametrize("title", list(SECTIONS))
def test_a_section(pytester: pytest.Pytester, title: str) -> None:
    pytester.makeini(INI)
    snippets = re.findall(r"```python\n# (\S+)\n(.*?)```", SECTIONS[title], re.DOTALL)
    assert snippets
    for name, code in snippets:
        (pytester.path / name).write_text(code)
    result = pytester.runpytest_inprocess("--strict-markers")
    assert result.parseoutcomes().keys() == {"passed"}, result.stdout.str()


def test_the_page_names_every_field_of_a_life() -> None:
    table = SECTIONS["Rules for all that comes"]
    assert [field.name for field in fields(Life) if f"`{field.name}`" not in table] == []
