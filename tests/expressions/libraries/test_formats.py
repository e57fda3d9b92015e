"""Formats by name."""

from __future__ import annotations

import pytest

from fakekube.expressions.libraries.formats import FORMATS
from fakekube.expressions.values import NONE
from tests.expressions.libraries.evaluation import value_of


@pytest.mark.parametrize(
    ("name", "good", "bad", "error"),
    [
        ("dns1123Label", "my-name", "A_b", "a lowercase RFC 1123 label must consist of"),
        ("dns1123Subdomain", "a.b.c", "a..b", "a lowercase RFC 1123 subdomain must consist of"),
        ("dns1035Label", "a1", "1a", "a DNS-1035 label must consist of"),
        ("qualifiedName", "example.com/Name", "a/b/c", "a valid label key must consist of"),
        ("dns1123LabelPrefix", "my-name-", "-a", "a lowercase RFC 1123 label must consist of"),
        ("dns1123SubdomainPrefix", "a.b-", "a.-b", "a lowercase RFC 1123 subdomain must consist of"),
        ("dns1035LabelPrefix", "a-", "1-a", "a DNS-1035 label must consist of"),
        ("labelValue", "", "a b", "a valid label must be an empty string or consist of"),
        ("uri", "http://a/", "x", 'parse "x": invalid URI for request'),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123", "does not match the UUID format"),
        ("byte", "aGVsbG8=", "aGVsbG8", "invalid base64"),
        ("date", "2021-01-01", "2021-02-30", "invalid date"),
        ("datetime", "2021-01-01T00:00:00.5Z", "2021-01-01 00:00:00", "invalid datetime"),
    ],
)
def test_a_format_says_what_is_wrong_or_has_no_value(name: str, good: str, bad: str, error: str) -> None:
    assert value_of(f"format.{name}().validate(self)", self=good) is NONE
    errors = value_of(f"format.{name}().validate(self).value()", self=bad)
    assert [text.startswith(error) for text in errors] == [True]


def test_every_format_is_found_by_its_name() -> None:
    for name in FORMATS:
        assert value_of(f"format.named(self).value() == format.{name}()", self=name)
    assert value_of("format.named('nothing').hasValue()") is False
    assert value_of("format.uri() == format.uuid()") is False


def test_a_name_may_be_wrong_in_several_ways() -> None:
    assert value_of("format.dns1123Label().validate(self).value().size()", self="A" * 64) == 2
