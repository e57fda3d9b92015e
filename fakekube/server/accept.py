"""What a client accepts: the Accept header, read once for each text that clients send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

REMEMBERED_LENGTH = 1024
"""Characters of a header that is still remembered: what a client may make up must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One alternative of an Accept header: `application/json;as=Table;v=v1;g=meta.k8s.io`."""

    media_type: str
    """`application/json`, `*/*`, `application/*`, or whatever else the client wrote."""
    parameters: Mapping[str, str]
    """Without `q`."""

    def fits(self, media_type: str) -> bool:
        if self.media_type == media_type or self.media_type == "*/*":
            return True
        return self.media_type.endswith("/*") and media_type.startswith(self.media_type[:-1])


def parse_accept(header: str) -> tuple[Clause, ...]:
    """The clauses, best first: by q descending, equal ones as they stand. No header or an empty one accepts everything.

    `q=0` does not exclude, as it does not in the real server; a q that is no number counts as 1.
    """
    if len(header) > REMEMBERED_LENGTH:
        return _parsed.__wrapped__(header)
    return _parsed(header)


@lru_cache(maxsize=512)
def _parsed(header: str) -> tuple[Clause, ...]:
    if not header.strip():
        return (_EVERYTHING,)
    clauses: list[tuple[float, Clause]] = []
    for text in header.split(","):
        media_type, *pairs = (part.strip() for part in text.split(";"))
        parameters: dict[str, str] = {}
        for pair in pairs:
            name, _, value = pair.partition("=")
            parameters[name.strip()] = value.strip().strip('"')
        clauses.append((_quality(parameters.pop("q", "1")), Clause(media_type.lower(), parameters)))
    clauses.sort(key=lambda rated: -rated[0])
    return tuple(clause for _, clause in clauses)


def best_of(header: str, offered: tuple[str, ...]) -> str | None:
    """The first of the `offered` media types that the best clause takes; None when no clause takes any."""
    for clause in parse_accept(header):
        for media_type in offered:
            if clause.fits(media_type):
                return media_type
    return None


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


_EVERYTHING = Clause("*/*", {})
