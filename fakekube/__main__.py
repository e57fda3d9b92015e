"""`python -m fakekube` is the command `fakekube`.

The commands that stand before a program of somebody else's start without click, which takes longer than all they need.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The console script."""
    if len(sys.argv) > 1:
        from fakekube.in_pod.commands import COMMANDS

        if sys.argv[1] in COMMANDS:
            from fakekube.in_pod import commands

            sys.exit(commands.main(sys.argv[1:]))
    from fakekube import cli

    cli.main(prog_name="fakekube")


if __name__ == "__main__":
    main()
