from __future__ import annotations

import pytest

from fakekube.objects.go_text import general_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (1.5, "1.5"),
        (100000.5, "100000.5"),
        (1e6, "1e+06"),
        (-1000000.75, "-1.00000075e+06"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
    ],
)
def test_numbers_in_texts_have_a_power_sooner_than_in_json(number: float, text: str) -> None:
    assert general_text(number) == text
