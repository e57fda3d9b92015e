"""What does a Python program need to find a view's files where nothing can be placed? Our sitecustomize, and a table for it."""

from __future__ import annotations

import contextlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from fakekube.sandbox.orders import RedirectsOrder, ViewOrder

VARIABLE = "FAKEKUBE_PYTHON_VIEW"
_DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_paths")


@contextlib.contextmanager
def sources(view: ViewOrder) -> Iterator[dict[str, str]]:
    """Where the contents that are laid over single paths can be read, by path: as long as this process lives."""
    if sys.platform == "linux":
        yield {path: _in_memory(content) for path, content in view["files"].items()}
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fakekube-") as directory:
        found = {}
        for number, (path, content) in enumerate(view["files"].items()):
            found[path] = os.path.join(directory, str(number))
            with open(found[path], "wb") as file:
                file.write(content)
        yield found


def _in_memory(content: bytes) -> str:
    descriptor = os.memfd_create("fakekube-view")
    os.write(descriptor, content)
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def environment(view: ViewOrder, sources: dict[str, str], redirects: RedirectsOrder) -> dict[str, str]:
    """`redirects` are those that only the program itself can follow."""
    paths = {os.path.realpath(target): os.path.realpath(source) for source, target, _ in view["mounts"]}
    written = {target: source for source, target, _ in view["mounts"]}
    table: dict[str, Any] = {
        "paths": {**paths, **written, **sources},
        "redirects": redirects,
        "hosts": written.get("/etc/hosts") or sources.get("/etc/hosts"),
    }
    before = view["environment"].get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([_DIRECTORY, *([before] if before else [])]),
        VARIABLE: json.dumps(table),
    }
