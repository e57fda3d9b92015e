from __future__ import annotations

import pytest

from fakekube.server.accept import REMEMBERED_LENGTH, best_of, parse_accept

OFFERED = ("application/json", "application/yaml")


@pytest.mark.parametrize(
    ("header", "best"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/yaml", "application/yaml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, application/yaml", "application/yaml"),
        ("application/yaml;q=0", "application/yaml"),
        ("application/yaml;q=nonsense", "application/yaml"),
        ("text/html", None),
        (";;;", None),
        (",", None),
    ],
)
def test_the_best_clause_that_fits_decides(header: str, best: str | None) -> None:
    assert best_of(header, OFFERED) == best


def test_clauses_of_equal_quality_stay_in_order() -> None:
    clauses = parse_accept("a/a;q=0.5,b/b,c/c;q=0.5,d/d")

    assert [clause.media_type for clause in clauses] == ["b/b", "d/d", "a/a", "c/c"]


def test_parameters_are_kept_without_q() -> None:
    (clause,) = parse_accept('application/json;as=Table; v="v1";g=meta.k8s.io;q=0.9')

    assert clause.parameters == {"as": "Table", "v": "v1", "g": "meta.k8s.io"}


def test_long_headers_are_read_but_not_remembered() -> None:
    header = f"text/{'x' * REMEMBERED_LENGTH},application/json"

    assert best_of(header, OFFERED) == "application/json"
    assert parse_accept(header) is not parse_accept(header)
