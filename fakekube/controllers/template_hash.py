"""The hash of a template, as it stands in names and labels.

Kubernetes hashes Go's print of its own structures and says that nobody may rely on the value; here it is the canonical JSON.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from fakekube.registry.clock import NAME_ALPHABET


def template_hash(template: Any, collisions: int | None = None) -> str:
    """Equal templates, equal hash: 8 to 10 characters. `collisions` makes another one of the same template."""
    text = orjson.dumps([template, collisions], option=orjson.OPT_SORT_KEYS)
    number = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())
    # The ten digits become ten letters; a number with fewer than eight digits is filled up.
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in f"{number:08d}")
