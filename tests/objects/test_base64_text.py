"""Base64 as Go's decoder takes it."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakekube.objects.base64_text import Base64Error, canonical


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("not base64!", 3),
        ("abc", 0),
        ("?", 0),
        ("YWJjZ", 4),
        ("YWJj=", 4),
        ("YQ=", 3),
        ("YQ==x", 4),
        ("YQ=x", 2),
        ("Y===", 1),
        ("é", 0),
    ],
)
def test_the_first_wrong_byte_is_told(text: str, index: int) -> None:
    with pytest.raises(Base64Error) as refused:
        canonical(text)

    assert str(refused.value) == f"illegal base64 data at input byte {index}"


def test_line_breaks_do_not_matter() -> None:
    assert canonical("YWJj\r\nZGVm\nZw=\n=\n") == "YWJjZGVmZw=="


@given(st.binary())
def test_what_is_base64_stays_as_it_is(data: bytes) -> None:
    text = base64.b64encode(data).decode()

    assert canonical(text) == text


@given(st.text(max_size=20))
def test_any_text_is_base64_or_an_error_of_its_own(text: str) -> None:
    with contextlib.suppress(Base64Error):
        assert canonical(canonical(text)) == canonical(text)
