"""How fast fakekube is, beside a bare server that returns the same bytes: `python -m benchmarks` measures and writes docs/performance.md.

Everything is a ratio within one run: absolute numbers depend on the machine, and on what else it does.
"""
