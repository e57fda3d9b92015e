"""Names of container images: which tag one has.

https://kubernetes.io/docs/concepts/containers/images/#image-names
"""

from __future__ import annotations

import re

_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII
)
_BARE_DIGEST = re.compile(r"[a-f0-9]{64}", re.ASCII)
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LONGEST_NAME = 255


def tag_of(image: str) -> str:
    """The tag of an image: `latest` for one without tag and digest, empty for one with a digest alone or whose name is not well-formed."""
    match = _REFERENCE.fullmatch(image)
    if match is None or _BARE_DIGEST.fullmatch(image) or len(match["name"]) > _LONGEST_NAME:
        return ""
    if match["digest"]:
        algorithm, _, digits = match["digest"].partition(":")
        if len(digits) != _DIGEST_LENGTHS.get(algorithm) or digits != digits.lower():
            return ""
        return match["tag"] or ""
    return match["tag"] or "latest"
