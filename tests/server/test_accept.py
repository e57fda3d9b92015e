from __future__ import annotations

import pytest

from fakekube.server.accept import REMEMBERED_LENGTH, accepts_one_of, best_of, parse_accept

OFFERED = ("application/json", "application/yaml")


@pytest.mark.parametrize(
    ("header", "best"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("*", "application/json"),
        ("application/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, application/yaml", "application/yaml"),
        ("application/yaml;q=0", "application/yaml"),
        ("application/yaml;q=nonsense", "application/yaml"),
        ("application/yaml;q=nonsense,application/json;q=0.1", "application/json"),
        ("*/*,application/yaml;q=0.2", "application/yaml"),
        ("application/a/b,application/yaml", "application/yaml"),
        ("APPLICATION/YAML", None),
        ("application", None),
        ("text/html", None),
        (";;;", None),
        (",", None),
    ],
)
def test_the_best_clause_that_fits_decides(header: str, best: str | None) -> None:
    assert best_of(header, OFFERED) == best


def test_clauses_of_equal_quality_stay_in_order() -> None:
    clauses = parse_accept("a/a;q=0.5,b/b,c/c;q=0.5,d/d")

    assert [clause.subtype for clause in clauses] == ["b", "d", "a", "c"]


def test_parameters_are_kept_as_they_stand_without_q_and_without_those_that_have_no_value() -> None:
    (clause,) = parse_accept('application/json;as=Table; v="v1";g=meta.k8s.io;q=0.9;pretty;x=;y=1=2')

    assert clause.parameters == {"as": "Table", "v": '"v1"', "g": "meta.k8s.io"}


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", True),
        ("*/*;q=0.1", True),
        ("text/html, application/yaml;as=Nope", True),
        ("*", False),
        ("application/*", False),
        ("Application/JSON", False),
    ],
)
def test_a_route_is_taken_only_by_who_names_what_it_produces_or_everything(header: str, taken: bool) -> None:
    assert accepts_one_of(header, OFFERED) is taken


def test_long_headers_are_read_but_not_remembered() -> None:
    header = f"text/{'x' * REMEMBERED_LENGTH},application/json"

    assert best_of(header, OFFERED) == "application/json"
    assert parse_accept(header) is not parse_accept(header)
