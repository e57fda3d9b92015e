"""URLs and their parts: `url('https://example.com:80/path').getHost()`.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library
"""

from __future__ import annotations

from typing import ClassVar

from fakekube.expressions.types import Type, overload
from fakekube.expressions.values import EvaluationProblem
from fakekube.objects import go_urls
from fakekube.objects.go_urls import URLError


class URL:
    """It equals another one that is written the same, after escapes and the scheme's letters have been made equal."""

    __slots__ = ("parts",)
    type: ClassVar[Type] = Type("kubernetes.URL")

    def __init__(self, parts: go_urls.URL) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URL) and str(self.parts) == str(other.parts)

    def __hash__(self) -> int:
        return hash(str(self.parts))


def url(text: str) -> URL:
    try:
        go_urls.parse_of_request(text)
        return URL(go_urls.parse(text))
    except URLError as error:
        raise EvaluationProblem(f"URL parse error during conversion from string: {error}") from None


def is_url(text: str) -> bool:
    try:
        go_urls.parse_of_request(text)
    except URLError:
        return False
    return True


OVERLOADS = (
    overload("url(string): kubernetes.URL", url),
    overload("isURL(string): bool", is_url),
    overload("kubernetes.URL.getScheme(): string", lambda url: url.parts.scheme),
    overload("kubernetes.URL.getHost(): string", lambda url: url.parts.host),
    overload("kubernetes.URL.getHostname(): string", lambda url: url.parts.hostname),
    overload("kubernetes.URL.getPort(): string", lambda url: url.parts.port),
    overload("kubernetes.URL.getEscapedPath(): string", lambda url: url.parts.escaped_path),
    overload("kubernetes.URL.getQuery(): map(string, list(string))", lambda url: url.parts.parameters()),
)
