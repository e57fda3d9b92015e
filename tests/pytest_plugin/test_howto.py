"""docs/howto/pytest.md: each of its sections is a project whose tests pass."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fakekube import ClusterOptions
from tests.pytest_plugin.sessions import INI, OPTIONS

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "pytest.md").read_text()
SECTIONS = dict(section.split("\n", 1) for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:])


@pytest.mark.parametrize("title", [title for title, text in SECTIONS.items() if "```python" in text])
def test_a_section(pytester: pytest.Pytester, title: str) -> None:
    pytester.makeini(INI)
    for name, code in re.findall(r"```(?:python|ini)\n# (\S+)\n(.*?)```", SECTIONS[title], re.DOTALL):
        (pytester.path / name).write_text(f"{code}{OPTIONS}" if name.endswith(".ini") else code)
    result = pytester.runpytest_inprocess("--strict-markers")
    outcomes = result.parseoutcomes()
    assert outcomes.keys() == {"passed"}, result.stdout.str()


def test_the_page_names_every_option() -> None:
    table = SECTIONS["Options"]
    assert [field.name for field in fields(ClusterOptions) if f"`{field.name}`" not in table] == []
