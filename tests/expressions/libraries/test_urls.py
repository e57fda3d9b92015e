"""URLs in expressions."""

from __future__ import annotations

import pytest

from tests.expressions.libraries.evaluation import problem_of, value_of

WHOLE = "https://user:pass@Example.com:80/path with spaces/?k1=a&k2=b&k2=c+d#frag"


@pytest.mark.parametrize(
    ("url", "getter", "expected"),
    [
        (WHOLE, "getScheme", "https"),
        (WHOLE, "getHost", "Example.com:80"),
        (WHOLE, "getHostname", "Example.com"),
        (WHOLE, "getPort", "80"),
        (WHOLE, "getEscapedPath", "/path%20with%20spaces/"),
        (WHOLE, "getQuery", {"k1": ["a"], "k2": ["b", "c d"]}),
        ("/path", "getScheme", ""),
        ("/path", "getHost", ""),
        ("https://[::1]:80/", "getHost", "[::1]:80"),
        ("https://[::1]:80/", "getHostname", "::1"),
        ("http://[fe80::1%25en0]/", "getHostname", "fe80::1%en0"),
        ("https://example.com", "getEscapedPath", ""),
        ("https://example.com/a%2fb", "getEscapedPath", "/a%2fb"),
        ("https://example.com/a%2fb c", "getEscapedPath", "/a/b%20c"),
        ("https://example.com/é", "getEscapedPath", "/%C3%A9"),
        ("https://example.com/?", "getQuery", {}),
        ("https://example.com/?a;b=1&%zz=2&c=3", "getQuery", {"c": ["3"]}),
        ("mailto:a@b", "getEscapedPath", ""),
        ("*", "getEscapedPath", "*"),
        ("postgres://a:1,b:2/db", "getPort", "2"),
    ],
)
def test_a_url_has_parts(url: str, getter: str, expected: object) -> None:
    assert value_of(f"url(self).{getter}()", self=url) == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "invalid URI for request"),
        ("../relative-path", "invalid URI for request"),
        ("", "empty url"),
        (":a", "missing protocol scheme"),
        ("https://a:b:c/", 'invalid port ":b:c" after host'),
        ("http://::1/", 'invalid port "::1" after host'),
        ("http://[::1", "missing ']' in host"),
        ("http://[1.2.3.4]/", "invalid IP-literal"),
        ("http://[x]/", 'invalid host: ParseAddr("x"): unable to parse IP'),
        ("http://a b/", 'invalid character " " in host name'),
        ("http://a/%zz", 'invalid URL escape "%zz"'),
        ("http://%41/", 'invalid URL escape "%41"'),
        ("http://<a>@b/", "net/url: invalid userinfo"),
        ("http://a/\x7f", "net/url: invalid control character in URL"),
    ],
)
def test_what_is_no_url_is_said_in_the_words_of_go(url: str, reason: str) -> None:
    quoted = url.replace("\x7f", r"\x7f")
    expected = f'URL parse error during conversion from string: parse "{quoted}": {reason}'

    assert not value_of("isURL(self)", self=url)
    assert problem_of("url(self)", self=url) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("HTTP://a/", "http://a/", True),
        ("http://a/", "http://a/?", False),
        ("http://a/%41", "http://a/A", False),
        ("file:///a", "file:/a", False),
        ("http://u:p@a/#b", "http://u:p@a/#b", True),
    ],
)
def test_urls_are_equal_that_are_written_the_same(left: str, right: str, expected: bool) -> None:
    assert value_of("url(left) == url(right)", left=left, right=right) is expected
