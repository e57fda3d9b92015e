"""python -m benchmarks [--quick] [--no-write]: measure, print the table, write docs/performance.md. Takes about five minutes."""

from __future__ import annotations

import argparse
import sys

from benchmarks.measurements import QUICK, Effort, measure
from benchmarks.report import DOCUMENT, cells, cores, load, surroundings, table, write
from benchmarks.servers import use_last_core


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="little of everything, to see that it works; writes nothing"
    )
    parser.add_argument("--no-write", action="store_true", help=f"leave {DOCUMENT.name} as it is")
    options = parser.parse_args()

    machine = surroundings()
    if load() > cores() / 2:
        print("Other programs keep this machine busy: ratios will be rough, times and rates too bad.", file=sys.stderr)
    use_last_core()
    rows = []
    for row in measure(QUICK if options.quick else Effort()):
        print(" | ".join(cells(row)), file=sys.stderr, flush=True)
        rows.append(row)
    print(f"{machine}\n\n{table(rows)}")
    if not (options.quick or options.no_write):
        write(rows, machine)


if __name__ == "__main__":
    main()
