"""What the sessions inside of tests go by: as strict as ours, and without plugins that are none of their business."""

from __future__ import annotations

# schemathesis imports its reports whenever a session ends; now and then that trips over CPython 3.11 ("AST constructor recursion depth").
OPTIONS = "addopts = -p no:schemathesis\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
INI = f"[pytest]\n{OPTIONS}"
