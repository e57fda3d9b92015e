from __future__ import annotations

import pytest

from fakekube.objects import names


@pytest.mark.parametrize(
    ("rule", "name", "beginnings"),
    [
        ("subdomain", "1.2-3.x", []),
        ("subdomain", "a..b", ["a lowercase RFC 1123 subdomain must consist of"]),
        ("subdomain", "a" * 254, ["must be no more than 253 characters"]),
        ("subdomain (and at most 52 characters)", "a/b", ["a lowercase RFC 1123 subdomain"]),
        ("label", "a.b", ["must not contain dots"]),
        ("label", "a" * 63 + "_", ["must be no more than 63 characters", "a lowercase RFC 1123 label must"]),
        ("path segment", "Any:name", []),
        ("path segment", "a/b%c", ["may not contain '/'", "may not contain '%'"]),
        ("path segment", "..", ["may not be '..'"]),
        ("long name", "a" * 254, ["must be no more than 253 bytes"]),
        ("long name", "A", ["a lowercase RFC 1123 subdomain must consist of"]),
        ("an IP address in canonical form", "10.0.0.1", []),
        ("an IP address in canonical form", "2001:DB8::1", ['must be in canonical form ("2001:db8::1")']),
        ("an IP address in canonical form", "10.0.00.1", ["must not have leading 0s"]),
    ],
)
def test_name_is_judged_by_the_rule_of_its_kind(rule: str, name: str, beginnings: list[str]) -> None:
    errors = names.rule(rule)(name, False)

    assert len(errors) == len(beginnings)
    assert all(error.startswith(beginning) for error, beginning in zip(errors, beginnings, strict=True))


@pytest.mark.parametrize(("prefix", "good"), [("ok-", True), ("Bad_", False), ("dot.", False), ("a.-", True)])
def test_prefix_of_a_generated_name_may_end_in_a_dash(prefix: str, good: bool) -> None:
    errors = names.rule("subdomain")(prefix, True)

    assert (not errors) is good


def test_generated_name_of_a_long_prefix_is_still_a_label() -> None:
    name = names.generate("a" * 100, lambda length: "x" * length)

    assert name == "a" * 58 + "xxxxx"


@pytest.mark.parametrize(
    ("key", "beginnings"),
    [
        ("example.com/a", []),
        ("/a", ["prefix part must be non-empty"]),
        ("", ["name part must be non-empty", "name part must consist of"]),
        ("Example.com/x", ["prefix part a lowercase RFC 1123 subdomain"]),
        ("a/b/c", ["a valid label key must consist of alphanumeric characters"]),
        ("k" * 64, ["name part must be no more than 63 bytes"]),
    ],
)
def test_label_key_is_judged_part_by_part(key: str, beginnings: list[str]) -> None:
    errors = names.qualified_name(key)

    assert len(errors) == len(beginnings)
    assert all(error.startswith(beginning) for error, beginning in zip(errors, beginnings, strict=True))


@pytest.mark.parametrize(("key", "count"), [("tls.crt", 0), ("..", 1), ("..a", 1), ("a b", 1), ("", 1)])
def test_key_of_a_config_map_must_be_able_to_be_a_file_name(key: str, count: int) -> None:
    assert len(names.config_key(key)) == count


@pytest.mark.parametrize(("name", "count"), [("http", 0), ("8080", 1), ("a--b-", 2), ("HTTP", 2), ("a" * 16, 1)])
def test_port_name_collects_everything_that_is_wrong_with_it(name: str, count: int) -> None:
    assert len(names.port_name(name)) == count


def test_prefix_of_a_long_name_is_not_judged() -> None:
    assert names.rule("long name")("Bad_", True) == []
