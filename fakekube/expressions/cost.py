"""What the evaluation of an expression costs, in cel-go's units: what a Budget counts.

| part | units |
|---|---|
| literal; `&&`, `||` and `?:` themselves | 0 |
| name, selected field, index | 1 each |
| has(a.b) | as `a` |
| list, map, object made | 10, 30, 40; lists and maps of literals alone: 0 |
| function | `call_cost`, else 1 |
| all, exists, existsOne | 1, and for each item 3, 4 and what the condition costs (existsOne: 1, and 1 more if it holds, and 2 in the end) |
| map, transformList | 1, and 12 for each item made; a filter's condition that does not hold: 1 |
| filter | 1, and 13 for each item kept, 1 for each other |
| transformMap | 1, and 3 for each entry made (transformMapEntry: 2); a condition that does not hold: 1 |

That is what the loops cost that cel-go makes of macros.
https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fakekube.expressions.types import Overload
from fakekube.expressions.values import Value

LITERAL, NAME, SELECT = 0, 1, 1
LIST, MAP, OBJECT = 10, 30, 40

CallCost = Callable[[Sequence[Value], Value], int]
"""What a call cost, of its arguments (that of the target first) and its result."""


def call_cost(overload: Overload) -> CallCost | None:
    """What tells the cost of a call; None: it is always 1."""
    return None
