"""The table, on the screen and in docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
HEADINGS = ("measured", "fakekube", "bare Starlette", "kmock", "result", "target", "reached")


@dataclass(slots=True)
class Row:
    """A line of a table. Cells are ready text; `reached` is None where there is no target."""

    what: str
    fakekube: str
    bare: str = ""
    kmock: str = ""
    result: str = ""
    target: str = ""
    reached: bool | None = None


def cells(row: Row) -> tuple[str, ...]:
    reached = {None: "", True: "yes", False: "no"}[row.reached]
    return row.what, row.fakekube, row.bare, row.kmock, row.result, row.target, reached


def table(rows: Sequence[Row]) -> str:
    """Columns in which nothing stands are left out."""
    lines: list[tuple[str, ...]] = [HEADINGS, *map(cells, rows)]
    kept = [column for column in range(len(HEADINGS)) if any(line[column] for line in lines[1:])]
    lines = [tuple(line[column] for column in kept) for line in lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(kept))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)


def surroundings() -> str:
    """What the numbers depend on."""
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("fakekube", "uvicorn", "starlette", "orjson"))
    busy = f", {load():.1f} programs running at the start" if load() else ""
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}, {cores()} cores{busy}; {packages}"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float:
    """Programs that wanted a core in the last minute, on average; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def write(rows: Sequence[Row], machine: str, mark: str) -> None:
    """Put the table between the marks of its name; the text around it is written by hand."""
    text = DOCUMENT.read_text()
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    DOCUMENT.write_text(f"{before}{begin}\n{machine}\n\n{table(rows)}\n{end}{after}")
