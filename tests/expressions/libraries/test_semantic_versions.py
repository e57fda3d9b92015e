"""Semantic versions in expressions."""

from __future__ import annotations

import pytest

from tests.expressions.libraries.evaluation import problem_of, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("isSemver('1.0.0') && isSemver('0.1.0-alpha.1+build.5')", True),
        ("isSemver('v1.0') || isSemver('1.0') || isSemver('01.0.0') || isSemver('')", False),
        ("isSemver('v1.0', true) && isSemver('01.01.01', true) && isSemver('v1', true)", True),
        ("isSemver('v1.0', false)", False),
        ("semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3", True),
        ("semver('v1.02', true) == semver('1.2.0')", True),
        ("semver('1.2.3').compareTo(semver('1.2.3'))", 0),
        ("semver('1.2.3').compareTo(semver('2.0.0'))", -1),
        ("semver('1.10.0').isGreaterThan(semver('1.9.9'))", True),
        ("semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))", True),
        ("semver('1.0.0-alpha.2').isLessThan(semver('1.0.0-alpha.10'))", True),
        ("semver('1.0.0-alpha.9').isLessThan(semver('1.0.0-alpha.beta'))", True),
        ("semver('1.0.0-alpha').isLessThan(semver('1.0.0-alpha.1'))", True),
        ("semver('1.0.0+a') == semver('1.0.0+b')", True),
        ("semver('18446744073709551615.0.0').major()", -1),
    ],
)
def test_versions_are_compared_by_precedence(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("", "Version string empty"),
        ("1.2", "No Major.Minor.Patch elements found"),
        ("x.1.2", 'Invalid character(s) found in major number "x"'),
        ("1.01.2", 'Minor number must not contain leading zeroes "01"'),
        ("1.2.3é", 'Invalid character(s) found in patch number "3é"'),
        ("1.2.3-", "Prerelease is empty"),
        ("1.2.3-01", 'Numeric PreRelease version must not contain leading zeroes "01"'),
        ("1.2.3-a_b", 'Invalid character(s) found in prerelease "a_b"'),
        ("1.2.3+", "Build meta data is empty"),
        ("1.2.3+a_b", 'Invalid character(s) found in build meta data "a_b"'),
        ("1..3", 'strconv.ParseUint: parsing "": invalid syntax'),
        (
            "18446744073709551616.0.0",
            'strconv.ParseUint: parsing "18446744073709551616": value out of range',
        ),
    ],
)
def test_what_is_no_version_is_said_in_the_words_of_the_server(version: str, problem: str) -> None:
    assert problem_of("semver(self)", self=version) == problem


def test_a_short_version_may_not_say_more_than_numbers() -> None:
    problem = problem_of("semver('v1.2-rc', true)")

    assert problem == "short version cannot contain PreRelease/Build meta data"
