"""How files reach a volume so that whoever reads them sees the old ones or the new ones, and never a mixture.

The files lie in a directory named after the time, `..data` points to it, and what users see are links through `..data`. A change is one
rename of `..data`. After pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume."""

    data: bytes = field(repr=False)
    mode: int
    """Its permissions, exactly: 0o644."""
    uid: int | None = None
    """Its owner; None: whoever writes it."""


def write(directory: Path, files: Mapping[str, File], *, fs_group: int | None = None) -> bool:
    """Make `files` (relative path -> file) the content of `directory`, which must be there; False if it was so already.

    `fs_group` is the pod's fsGroup: files and directories become its, as far as this process may do that, and readable for it.
    Raises ValueError for paths that no volume may have, and OSError; what was there before can then still be read as it was.
    """
    raise NotImplementedError
