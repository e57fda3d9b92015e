"""In which form a resource is answered: media type, and what is made of the object.

https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from fakekube.errors import NotAcceptable, unknown_format
from fakekube.server.accept import Clause, parse_accept

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
SERVED = (JSON, YAML, PROTOBUF)
UNTYPED = (JSON, YAML)
"""What is served of objects without a Go type."""
STREAMED = f"{JSON};stream=watch, {PROTOBUF};stream=watch"
FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_CONVERSION_VERSIONS = frozenset({"v1", "v1beta1"})


@dataclass(frozen=True, slots=True)
class Representation:
    """`form` is empty for the object itself, else one of FORMS, in `version` of meta.k8s.io."""

    media_type: str
    form: str = ""
    version: str = "v1"
    indented: bool = False


PLAIN = Representation(JSON)


@lru_cache(maxsize=1024)
def negotiate(accept: str, *, lists: bool = False, tables: bool = True, protobuf: bool = True) -> Representation:
    """The best clause that can be had. Raises NotAcceptable.

    `lists`: the route also streams, which the refusal says. `tables`: whether the resource has a tabular form (reviews have none).
    `protobuf`: whether the objects themselves can be protobuf; if not, their metadata still can.
    Protobuf is chosen only by a client that takes nothing else: every client that offers both reads JSON as well.
    """
    names_a_type = False
    chosen: Representation | None = None
    for clause in parse_accept(accept):
        for media_type in SERVED:
            if not clause.fits(media_type):
                continue
            names_a_type = True
            representation = _representation(clause, media_type, tables=tables)
            if representation is None or not (protobuf or representation.form or media_type != PROTOBUF):
                continue
            if chosen is None:
                chosen = representation
            if chosen.media_type != PROTOBUF:
                return chosen
            if representation.media_type == JSON and representation.form == chosen.form:
                return representation
    if chosen is not None:
        return chosen
    served = SERVED if protobuf else UNTYPED
    if names_a_type:
        raise no_conversion(", ".join(served))
    offered = ", ".join(served) + (f", {STREAMED}" if lists else "")
    raise NotAcceptable(f"406: Not Acceptable\n\nAvailable representations: {offered}", {})


def negotiate_stream(accept: str, *, protobuf: bool = True) -> Representation:
    """The form of a watch. Raises NotAcceptable."""
    representation = negotiate(accept, lists=True, protobuf=protobuf)
    if representation.media_type == YAML:
        raise no_conversion(STREAMED)
    return replace(representation, indented=False)


@lru_cache(maxsize=256)
def error_media_type(accept: str) -> str:
    """In what an error is written: the type that the client prefers, whatever form it asked for."""
    fitting = [media_type for clause in parse_accept(accept) for media_type in SERVED if clause.fits(media_type)]
    if not fitting or (fitting[0] == PROTOBUF and JSON in fitting):
        return JSON
    return fitting[0]


def no_conversion(accepted: str) -> NotAcceptable:
    return NotAcceptable(f"only the following media types are accepted: {accepted}")


def body_media_type(content_type: str, served: tuple[str, ...] = SERVED) -> str:
    """The media type of a body, JSON when none is said. Raises UnsupportedMediaType."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type:
        return JSON
    if media_type not in served:
        raise unknown_format(served)
    return media_type


def _representation(clause: Clause, media_type: str, *, tables: bool) -> Representation | None:
    parameters = clause.parameters
    indented = parameters.get("pretty") == "1"
    if parameters.get("stream") == "watch" and media_type == YAML:
        return None
    form = parameters.get("as")
    if form is None:
        return Representation(media_type, indented=indented)
    version = parameters.get("v", "")
    if parameters.get("g") != "meta.k8s.io" or version not in _CONVERSION_VERSIONS or form not in FORMS:
        return None
    if not tables or (form == "Table" and media_type == PROTOBUF):
        return None
    return Representation(media_type, form, version, indented)
