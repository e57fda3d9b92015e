from __future__ import annotations

import pytest

from fakekube.errors import BadRequest
from fakekube.objects import names, selectors

OBJECTS = {
    "api": {"app": "api", "tier": "back", "weight": "9"},
    "db": {"app": "db", "tier": "back"},
    "empty": {"app": "", "example.com/team": "blue"},
    "plain": None,
    "web": {"app": "web", "tier": "front", "weight": "10"},
}
QUALIFIED = names.qualified_name("?")[0]
LABEL_VALUE = names.label_value("?")[0]
INTEGER = "for 'Gt', 'Lt' operators, the value must be an integer"


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("app=web", ["web"]),
        ("app==web", ["web"]),
        ("app!=web", ["api", "db", "empty", "plain"]),
        ("app=", ["empty"]),
        ("tier=back,app!=db", ["api"]),
        ("app in (web , db),tier", ["db", "web"]),
        ("app notin (web,api)", ["db", "empty", "plain"]),
        ("app in (,web)", ["empty", "web"]),
        ("app in ()", ["empty"]),
        ("app in (web,)", ["empty", "web"]),
        ("! tier", ["empty", "plain"]),
        ("app,!tier", ["empty"]),
        ("weight>9", ["web"]),
        ("weight<10", ["api"]),
        ("example.com/team=blue", ["empty"]),
        ("  app = web  ", ["web"]),
        ("", ["api", "db", "empty", "plain", "web"]),
        ("in in (in),notin", []),
    ],
)
def test_label_selector_picks_the_objects_that_a_real_server_picked(text: str, selected: list[str]) -> None:
    selector = selectors.parse_labels(text)

    assert [name for name, labels in OBJECTS.items() if selector.matches(labels)] == selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app in (web", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app=b c", "found 'c', expected: ',' or 'end of string'"),
        ("app==web=x", "found '=', expected: ',' or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("app>x", f'unable to parse requirement: values[0]: Invalid value: "x": {INTEGER}'),
        ("app~web", f'unable to parse requirement: <nil>: Invalid value: "app~web": {QUALIFIED}'),
        ("app in (b,-web)", f'unable to parse requirement: values[0][app]: Invalid value: "-web": {LABEL_VALUE}'),
        ("app foo web", "unable to parse requirement: found 'foo', expected: in, notin, =, ==, !=, gt, lt"),
        ("(app)", "found '(', expected: !, identifier, or 'end of string'"),
        ("app in (web))", "found ')', expected: ',' or 'end of string'"),
        ("app in (!)", "unable to parse requirement: found '!', expected: ',', ')' or identifier"),
        ("app in (a,,)", "unable to parse requirement: found ')', expected: ',', or identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!app", "unable to parse requirement: found '!', expected: identifier"),
        ("app=!web", "unable to parse requirement: found '!', expected: identifier"),
    ],
)
def test_label_selector_that_cannot_be_read_is_told_as_the_real_server_tells_it(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        selectors.parse_labels(text)

    assert refusal.value.message == message


def test_null_label_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not selectors.label_selector_of(None).matches({"a": "b"})
    assert selectors.label_selector_of({}).matches(None)


def test_expressions_of_a_label_selector_hold_together_with_its_labels() -> None:
    expressions = [{"key": "tier", "operator": "NotIn", "values": ["back"]}, {"key": "weight", "operator": "Exists"}]
    selector = selectors.label_selector_of({"matchLabels": {"app": "web"}, "matchExpressions": expressions})

    assert [name for name, labels in OBJECTS.items() if selector.matches(labels)] == ["web"]


def test_label_selector_is_written_back_with_its_keys_in_order() -> None:
    expressions = [{"key": "b", "operator": "In", "values": ["y", "x"]}, {"key": "a", "operator": "DoesNotExist"}]
    selector = selectors.label_selector_of({"matchLabels": {"c": "1"}, "matchExpressions": expressions})

    assert selectors.label_selector_text(selector) == "!a,b in (x,y),c=1"


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("metadata.name=a,", [("metadata.name", "=", "a")]),
        ("metadata.name==a,,b!=c", [("b", "!=", "c"), ("metadata.name", "=", "a")]),
        (r"a=b\,c\=d\\", [("a", "=", r"b,c=d" + "\\")]),
        ("a=", [("a", "=", "")]),
        (",", []),
    ],
)
def test_field_selector_is_split_at_commas_and_operators(text: str, requirements: list[tuple[str, str, str]]) -> None:
    selector = selectors.parse_fields(text)

    found = [(requirement.field, requirement.operator, requirement.value) for requirement in selector.requirements]
    assert found == requirements


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=1,b>a", "invalid selector: 'a=1,b>a'; can't understand 'b>a'"),
        ("z,a in (b,c)", "invalid selector: 'z,a in (b,c)'; can't understand 'a in (b'"),
        ("a in (b,c)", "invalid selector: 'a in (b,c)'; can't understand 'a in (b'"),
        ("a in (b,9)", "invalid selector: 'a in (b,9)'; can't understand '9)'"),
        (r"metadata.name=a\b", r"invalid field selector: invalid escape sequence: \b"),
        ("metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_field_selector_that_cannot_be_read_is_told_as_the_real_server_tells_it(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        selectors.parse_fields(text)

    assert refusal.value.message == message


def test_field_that_a_kind_does_not_know_is_refused_with_the_text_of_the_kind() -> None:
    selector = selectors.parse_fields("metadata.name=a,=b")

    with pytest.raises(BadRequest, match=r"field label not supported: $"):
        selector.refuse_unknown({"metadata.name"}, "field label not supported: {field}")


def test_field_selector_compares_text_and_knows_the_one_name_it_asks_for() -> None:
    selector = selectors.parse_fields("metadata.name=a,status.phase!=Pending")

    assert selector.matches({"metadata.name": "a", "status.phase": "Running"}.__getitem__)
    assert not selector.matches({"metadata.name": "a", "status.phase": "Pending"}.__getitem__)
    assert selector.required_name() == "a"
    assert selectors.parse_fields("metadata.name!=a").required_name() is None


@pytest.mark.parametrize("text", ["=", "==", "!=", ",=,"])
def test_a_field_without_a_name_that_is_to_be_empty_selects_everything(text: str) -> None:
    assert selectors.parse_fields(text).everything
