"""YAML as goyaml reads it; every pair here was made with kubectl."""

from __future__ import annotations

from typing import Any

import pytest

from fakekube.objects.yaml import YAMLError, load, load_all, with_sorted_keys

SCALARS: dict[str, Any] = {
    "y": True,
    "On": True,
    "N": False,
    "off": False,
    "oN": "oN",
    "~": None,
    "NULL": None,
    "": None,
    "5": 5,
    "+5": 5,
    "0755": 493,
    "0o17": 15,
    "08": 8,
    "0x1F": 31,
    "0b11": 3,
    "-0b11": -3,
    "0b2": "0b2",
    "1_000": 1000,
    "1e3": 1000,
    "1.0": 1,
    ".5": 0.5,
    "1_0.5": 10.5,
    "1e-7": 1e-7,
    "1e400": "1e400",
    "12345678901234567890": 12345678901234567890,
    "12:30:45": "12:30:45",
    "2026-01-01": "2026-01-01",
    "=": "=",
    "<<": "<<",
    "+": "+",
    "1.2.3": "1.2.3",
    '"yes"': "yes",
    "!!str 5": "5",
    '!!int "5"': 5,
    "!!float 5": 5,
    "!!binary aGk=": "hi",
    "!foo bar": "bar",
    "!!bool yes": True,
}
DOCUMENTS: dict[str, Any] = {
    "a: 1\n<<: {a: 2, b: 3}\n": {"a": 2, "b": 3},
    "<<: {a: 2, b: 3}\na: 1\n": {"a": 1, "b": 3},
    "<<: [{a: 1, b: 1}, {a: 2}]\n": {"a": 1, "b": 1},
    "1.5: a\ntrue: b\n0x10: c\n": {"1.5": "a", "true": "b", "16": "c"},
    "a: &x {b: 1}\nc: *x\n": {"a": {"b": 1}, "c": {"b": 1}},
    "a: !!set {b}\n": {"a": {"b": None}},
    "a: 1\na: 2\n": {"a": 2},
}
ERRORS = {
    "a: .inf\n": "json: unsupported value: +Inf",
    "~: 1\n": "unsupported map key of type: %!s(<nil>), key: <nil>, value: 1",
    "? [a]\n: 1\n": 'yaml: invalid map key: []interface {}{"a"}',
    "a: *nope\n": "yaml: unknown anchor 'nope' referenced",
    "a: &x\n  b: *x\n": "yaml: anchor 'x' value contains itself",
    "a: !!null x\n": "yaml: cannot decode !!str `x` as a !!null",
    "metadata:\n  name: y4\n data:\n": "yaml: line 2: did not find expected key",
    "metadata:\n\tname: y4\n": "yaml: line 2: found character that cannot start any token",
    "b:\n  a: 1\n\tb: 2\n": "yaml: line 3: found a tab character that violates indentation",
    "b: 1\na: {b: 1, c\n": "yaml: line 2: did not find expected ',' or '}'",
    "b: 1\na: [1, 2\n": "yaml: line 2: did not find expected ',' or ']'",
    "b: 1\na: @x\n": "yaml: line 2: found character that cannot start any token",
    'b: 1\na: "x\n': "yaml: line 3: found unexpected end of stream",
    'b: 1\na: "\\q"\n': "yaml: line 2: found unknown escape character",
    "a: \x01\n": "yaml: control characters are not allowed",
    "<<: [1]\n": "yaml: map merge requires map or sequence of maps as the value",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_are_what_goyaml_takes_them_for(text: str, value: Any) -> None:
    read = load(f"a: {text}\n").value["a"]

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("text", "value"), DOCUMENTS.items())
def test_mappings_become_json_objects(text: str, value: Any) -> None:
    assert load(text).value == value


@pytest.mark.parametrize(("text", "message"), ERRORS.items())
def test_what_is_no_yaml_is_refused_in_goyamls_words(text: str, message: str) -> None:
    with pytest.raises(YAMLError) as refused:
        load(text)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: \x80\n", "yaml: invalid leading UTF-8 octet"),
        (b"a: \xc3n\n", "yaml: invalid trailing UTF-8 octet"),
        (b"a: \xc3", "yaml: incomplete UTF-8 octet sequence"),
    ],
)
def test_bytes_that_are_no_utf_8_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(YAMLError) as refused:
        load(text)

    assert str(refused.value) == message


def test_what_is_no_yaml_is_told_before_what_has_no_value() -> None:
    with pytest.raises(YAMLError, match="did not find expected ',' or ']'"):
        load("{? {a: 1} : 1, b: [1}")


def test_only_the_first_document_is_read_and_the_rest_may_be_anything() -> None:
    assert load(b"metadata: {name: y5}\n---\n{{{\n").value == {"metadata": {"name": "y5"}}
    assert load("").value is None


def test_a_manifest_has_documents_that_know_their_lines() -> None:
    documents = list(load_all("# first\na: 1\n---\n---\nb: 2\n"))

    assert [(document.value, document.line) for document in documents] == [({"a": 1}, 2), (None, 3), ({"b": 2}, 4)]


def test_a_manifest_is_read_up_to_the_line_that_is_wrong() -> None:
    documents = load_all("a: 1\n---\nb: 1\n c: 2\n")

    assert next(documents).value == {"a": 1}
    with pytest.raises(YAMLError, match="yaml: line 4: mapping values are not allowed in this context"):
        next(documents)


def test_repeated_keys_are_told_with_the_line_of_their_value() -> None:
    document = load("metadata:\n  name: y7\n  name: y8\ndata:\n  a: b\n  a: c\n1: x\n1: y\n")

    assert document.repeated == (
        'line 3: key "name" already set in map',
        'line 6: key "a" already set in map',
        "line 8: key 1 already set in map",
    )


def test_keys_can_be_sorted_at_every_level() -> None:
    value = with_sorted_keys(load("b: [{d: 1, c: 2}]\na: 1\n").value)

    assert list(value) == ["a", "b"]
    assert list(value["b"][0]) == ["c", "d"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "? " + "[" * 900 + "]" * 900 + "\n: 1\n",
        "{a: " * 20_000,
        "".join(" " * n + "a:\n" for n in range(1200)),
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(YAMLError, match="exceeded max"):
        load(text)


def test_aliases_of_aliases_of_aliases_are_refused() -> None:
    levels = "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(9 * ['*' + chr(97 + n)])}]\n" for n in range(9))

    with pytest.raises(YAMLError, match="yaml: document contains excessive aliasing"):
        load(f"a: &a [x,x,x,x,x,x,x,x,x]\n{levels}")
