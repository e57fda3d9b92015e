"""An object as a test writes it down: a dict, a text of YAML or JSON, or the path of a file."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fakekube import seeding
from fakekube.seeding import Manifest, SeedError

Object = dict[str, Any]
Source = Mapping[str, Any] | str | Path
"""A `str` is always YAML or JSON text; a file is said with a Path."""

IN_THE_TEST = Path("the text in the test")


class ManifestError(ValueError):
    """What was given is no manifest; the message says what was expected."""


def one(source: Source) -> Object:
    """The one object in `source`, a dict of one's own. Raises ManifestError."""
    __tracebackhide__ = True
    manifests = read(source)
    if len(manifests) != 1:
        found = "no object" if not manifests else f"{len(manifests)} objects ({', '.join(map(_named, manifests))})"
        raise ManifestError(f"expected one object, found {found}: several are loaded with `kube.load(...)`")
    return manifests[0].object


def read(source: Source) -> list[Manifest]:
    """All objects in `source`; a Path may be a directory. Raises ManifestError."""
    __tracebackhide__ = True
    try:
        if isinstance(source, Mapping):
            return [_of_mapping(source)]
        if isinstance(source, Path):
            return seeding.read([source])
        if isinstance(source, str):
            return _of_text(source)
    except SeedError as error:
        raise ManifestError(str(error)) from None
    raise ManifestError(f"expected a dict, a text of YAML or a Path, not {type(source).__name__}: {source!r}")


def read_all(sources: Iterable[Source]) -> list[Manifest]:
    __tracebackhide__ = True
    return [manifest for source in sources for manifest in read(source)]


def _of_mapping(source: Mapping[str, Any]) -> Manifest:
    for key, example in (("apiVersion", "'v1' or 'apps/v1'"), ("kind", "'Pod'")):
        if not source.get(key):
            raise ManifestError(f"{key} is missing: expected such as {example} in {_short(source)}")
    if not isinstance(source.get("metadata"), Mapping):
        raise ManifestError(f"metadata is missing: expected {{'name': ...}} in {_short(source)}")
    return Manifest(IN_THE_TEST, 1, copy.deepcopy(dict(source)))


def _of_text(source: str) -> list[Manifest]:
    if "\n" not in source and source.endswith(seeding.SUFFIXES):
        raise ManifestError(f"{source!r} is taken as YAML text: to read a file, give pathlib.Path({source!r})")
    # A text is indented like the test around it, but `---` must stand at the beginning of its line.
    return seeding.parse(IN_THE_TEST, textwrap.dedent(source))


def _named(manifest: Manifest) -> str:
    metadata = manifest.object["metadata"]
    return f"{manifest.object['kind']} {metadata.get('name') or metadata.get('generateName') or '?'}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
