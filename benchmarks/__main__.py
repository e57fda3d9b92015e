"""python -m benchmarks [rates] [steps] [scale] [views] [--quick] [--no-write]: measure, print tables, write docs/performance.md.

Rates take about five minutes, steps half a minute, scale two, views a few seconds; all are measured where none is named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import beside, measurements, scale, steps, views
from benchmarks.report import DOCUMENT, Row, cells, cores, load, surroundings, table, write
from benchmarks.servers import use_last_core

MARKS = {"rates": "measured", "steps": "steps", "scale": "scale", "views": "views"}
"""What may be measured, and how its table's place in the document is marked."""

BESIDE = "beside"
"""Measured only with the other server's kubeconfig."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=" or ".join(MARKS))
    parser.add_argument(
        "--quick", action="store_true", help="little of everything, to see that it works; writes nothing"
    )
    parser.add_argument("--no-write", action="store_true", help=f"leave {DOCUMENT.name} as it is")
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="KUBECONFIG",
        help="measure nothing but fakekube beside the API server that this leads to, in turns",
    )
    options = parser.parse_args()

    if unknown := set(options.parts) - MARKS.keys():
        parser.error(f"nothing is measured under the name {min(unknown)!r}: expected {' or '.join(MARKS)}")

    machine = surroundings()
    if load() > cores() / 2:
        print("Other programs keep this machine busy: ratios will be rough, times and rates too bad.", file=sys.stderr)
    use_last_core()
    for part in [BESIDE] if options.beside else options.parts or MARKS:
        rows = []
        for row in measured(part, quick=options.quick, kubeconfig=options.beside):
            print(" | ".join(filter(None, cells(row))), file=sys.stderr, flush=True)
            rows.append(row)
        print(f"{machine}\n\n{table(rows)}\n")
        if not (options.quick or options.no_write):
            write(rows, machine, MARKS.get(part, part))


def measured(part: str, *, quick: bool, kubeconfig: Path | None = None) -> Iterator[Row]:
    if kubeconfig is not None:
        return beside.measure(beside.QUICK if quick else beside.Tries(), kubeconfig)
    if part == "rates":
        return measurements.measure(measurements.QUICK if quick else measurements.Effort())
    if part == "steps":
        return steps.measure(steps.QUICK if quick else steps.Tries())
    if part == "scale":
        return scale.measure(scale.QUICK if quick else scale.Size())
    return views.measure(views.QUICK if quick else views.Tries())


if __name__ == "__main__":
    main()
