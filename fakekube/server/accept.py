"""What a client accepts: the Accept header, read once for each text that clients send.

It is read as the real server reads it, oddities included: names of types and parameters are compared as they stand, quotes belong
to the value, and what has no slash or no value is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

REMEMBERED_LENGTH = 1024
"""Characters of a header that is still remembered: what a client may make up must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One alternative of an Accept header: `application/json;as=Table;v=v1;g=meta.k8s.io`."""

    type: str
    subtype: str
    parameters: Mapping[str, str]
    """Without `q`."""
    quality: float = 1.0

    def fits(self, media_type: str) -> bool:
        if self.subtype == "*":
            return self.type == "*" or media_type.startswith(f"{self.type}/")
        return f"{self.type}/{self.subtype}" == media_type

    def is_better_than(self, other: Clause) -> bool:
        if self.quality > other.quality:
            return True
        return (self.type != "*" and other.type == "*") or (self.subtype != "*" and other.subtype == "*")


def parse_accept(header: str) -> tuple[Clause, ...]:
    """The clauses, best first: by q descending, those with `*` behind, equal ones as they stand. An empty header accepts everything.

    `q=0` does not exclude; a q that is no number counts as 0.
    """
    if len(header) > REMEMBERED_LENGTH:
        return _parsed.__wrapped__(header)
    return _parsed(header)


def accepts_one_of(header: str, produced: Iterable[str]) -> bool:
    """Whether a route that produces these media types is taken at all: one of them, or `*/*`, is named in so many words."""
    if not header:
        return True
    named = {clause.partition(";")[0].strip(" ") for clause in header.split(",")}
    return "*/*" in named or not named.isdisjoint(produced)


@lru_cache(maxsize=512)
def _parsed(header: str) -> tuple[Clause, ...]:
    if not header:
        return (_EVERYTHING,)
    clauses: list[Clause] = []
    for text in header.split(","):
        clause = _clause(text.strip(" "))
        if clause is None:
            continue
        # "Better" is no order in the strict sense (q against wildcards), so the steps of the sort matter, too.
        place = len(clauses)
        while place and clause.is_better_than(clauses[place - 1]):
            place -= 1
        clauses.insert(place, clause)
    return tuple(clauses)


def _clause(text: str) -> Clause | None:
    media_type, *pairs = text.split(";")
    type, _, rest = media_type.partition("/")
    type = type.strip(" ")
    subtype, _, more = rest.partition("/")
    if more or not (rest or type == "*"):
        return None
    parameters: dict[str, str] = {}
    quality = 1.0
    for pair in pairs:
        name, _, rest_of_pair = pair.partition("=")
        value, _, more = rest_of_pair.partition("=")
        if more or not rest_of_pair:
            continue
        if name.strip(" ") == "q":
            quality = _quality(value)
        else:
            parameters[name.strip(" ")] = value.strip(" ")
    return Clause(type, subtype.strip(" ") if rest else "*", parameters, quality)


def best_of(header: str, offered: tuple[str, ...]) -> str | None:
    """The first of the `offered` media types that the best clause takes; None when no clause takes any."""
    for clause in parse_accept(header):
        for media_type in offered:
            if clause.fits(media_type):
                return media_type
    return None


def _quality(text: str) -> float:
    try:
        return float(text) if text.strip() == text else 0.0
    except ValueError:
        return 0.0


_EVERYTHING = Clause("*", "*", {})
