"""References in texts become values."""

from __future__ import annotations

import pytest

from fakekube.kubelet.expansion import expand


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "A"),
        ("___$(B)___", "___B___"),
        ("$(A)$(B)", "AB"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$$$$(A)", "$$$(A)"),
        ("$$$$$$$(A)", "$$$A"),
        ("$(A$(B))", "$(A$(B))"),
        ("$(A", "$(A"),
        ("$($$", "$($"),
        ("foo$", "foo$"),
        ("foo$$", "foo$"),
        ("$$A", "$A"),
        ("$A", "$A"),
        ("${A}", "${A}"),
        ("$()", "$()"),
        ("$(EMPTY)!", "!"),
        ("$(REFERENCE)", "$(A)"),
        ("$(A)\n$(B)", "A\nB"),
        ("", ""),
    ],
)
def test_references_are_expanded_once_and_the_rest_stays(text: str, expanded: str) -> None:
    assert expand(text, {"A": "A", "B": "B", "EMPTY": "", "REFERENCE": "$(A)"}) == expanded


def test_the_first_mapping_that_knows_a_name_counts() -> None:
    assert expand("$(A) $(B)", {"A": "own"}, {"A": "service", "B": "service"}) == "own service"
