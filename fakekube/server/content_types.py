"""In which form a resource is answered: media type, and what is made of the object.

https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from fakekube.errors import NotAcceptable, unknown_format
from fakekube.server.accept import Clause, accepts_one_of, parse_accept

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
SERVED = (JSON, YAML, PROTOBUF)
UNTYPED = (JSON, YAML)
"""What is served of objects without a Go type."""
STREAMED = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
ANYTHING = ("*/*",)
"""What a route produces that hands on what another program answers."""
FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_CONVERSION = frozenset({"as", "g", "v"})
_CONVERSION_VERSIONS = frozenset({"v1", "v1beta1"})


@dataclass(frozen=True, slots=True)
class Representation:
    """`form` is empty for the object itself, else one of FORMS, in `version` of meta.k8s.io."""

    media_type: str
    form: str = ""
    version: str = "v1"
    indented: bool = False


PLAIN = Representation(JSON)


def refuse_route(accept: str, produced: tuple[str, ...]) -> None:
    """Raises NotAcceptable where the client names nothing that the route produces: this is seen before all else."""
    if accept in produced or produced is ANYTHING:
        return
    if not accepts_one_of(accept, produced):
        raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}", {})


@lru_cache(maxsize=1024)
def negotiate(accept: str, *, tables: bool = True, metadata: bool = True, protobuf: bool = True) -> Representation:
    """The best clause that can be had. Raises NotAcceptable.

    `tables`: whether the resource has a tabular form (reviews have none). `metadata`: whether its metadata alone can be had.
    `protobuf`: whether the objects themselves can be protobuf; if not, their metadata still can.
    Protobuf is chosen only by a client that takes nothing else: every client that offers both reads JSON as well.
    """
    chosen: Representation | None = None
    for clause in parse_accept(accept):
        for media_type in SERVED:
            if not clause.fits(media_type):
                continue
            representation = _representation(clause, media_type, tables=tables, metadata=metadata)
            if representation is None or not (protobuf or representation.form or media_type != PROTOBUF):
                continue
            if chosen is None:
                chosen = representation
            if chosen.media_type != PROTOBUF:
                return chosen
            if representation.media_type == JSON and representation.form == chosen.form:
                return representation
    if chosen is None:
        raise no_conversion(SERVED)
    return chosen


def streamed(representation: Representation) -> Representation:
    """The form of the events of a watch. Raises NotAcceptable."""
    if representation.media_type == YAML:
        raise no_conversion(STREAMED)
    return replace(representation, indented=False)


def negotiate_error(accept: str) -> Representation | None:
    """In what an error is written. None where only a form of the object was accepted, or nothing at all: then in plain JSON."""
    try:
        return negotiate(accept, tables=False, metadata=False)
    except NotAcceptable:
        return None


def no_conversion(accepted: tuple[str, ...]) -> NotAcceptable:
    return NotAcceptable(f"only the following media types are accepted: {', '.join(accepted)}")


def body_media_type(content_type: str, served: tuple[str, ...] = SERVED) -> str:
    """The media type of a body, JSON when none is said. Raises UnsupportedMediaType."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type:
        return JSON
    if media_type not in served:
        raise unknown_format(served)
    return media_type


def _representation(clause: Clause, media_type: str, *, tables: bool, metadata: bool) -> Representation | None:
    parameters = clause.parameters
    indented = parameters.get("pretty") == "1"
    stream = parameters.get("stream", "")
    if stream and (stream != "watch" or media_type == YAML):
        return None
    if parameters.get("sv", "") not in ("", "v1"):
        return None
    if _CONVERSION.isdisjoint(parameters):
        return Representation(media_type, indented=indented)
    form, version = parameters.get("as", ""), parameters.get("v", "")
    if parameters.get("g") != "meta.k8s.io" or version not in _CONVERSION_VERSIONS or form not in FORMS:
        return None
    if not (tables and media_type != PROTOBUF if form == "Table" else metadata):
        return None
    return Representation(media_type, form, version, indented)
