"""What Go knows of Unicode is what the Unicode database says, and what its tool prints."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from fakekube import facts
from fakekube.objects.regular_expressions.characters import Characters, in_any_case, unicode_class

TOOLS = Path(__file__).parents[2] / "tools"
CHANGED_SINCE = {0x166D, 0x1734, 0x19DA}
"""Characters that another version of Unicode has in another category."""


def test_python_has_the_same_characters_in_each_category() -> None:
    names = [name for name in facts.unicode_classes() if len(name) == 2 and name != "Yi"]
    ours = {
        code: name
        for name in names
        for first, last in _characters(name).ranges()
        for code in range(first, last + 1)
        if code not in CHANGED_SINCE
    }

    # What one of the two has not assigned yet is known to the other alone.
    theirs = ((code, unicodedata.category(chr(code))) for code in ours)
    assert len(ours) > 280_000
    assert {hex(code): name for code, name in theirs if name not in (ours[code], "Cn")} == {}


def _characters(name: str) -> Characters:
    characters = unicode_class(name)
    assert characters is not None
    return characters


def test_python_has_the_same_characters_in_other_cases() -> None:
    for orbit in facts.unicode_classes()["folds"]:
        assert (
            len({character.casefold() for character in orbit} | {character.upper().casefold() for character in orbit})
            <= 2
        )


@pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go")
def test_the_tool_prints_what_is_committed() -> None:
    printed = subprocess.run(
        ["go", "run", str(TOOLS / "unicode_classes.go")], capture_output=True, text=True, check=True, timeout=120
    )

    committed = (TOOLS / "data" / "unicode.json").read_text(encoding="utf-8")
    assert printed.stdout == committed or f'"version":"{facts.unicode_classes()["version"]}"' not in printed.stdout


def test_a_set_holds_what_differs_by_case_alone() -> None:
    letters = _characters("Lu")

    assert ord("a") not in letters
    assert ord("a") in in_any_case(letters)
