"""Match conditions of webhooks and policies: expressions that must all hold for a webhook or a policy to be asked.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fakekube.admission.expression_variables import Evaluation, ExpressionError, OutOfBudget
from fakekube.expressions.admission_environments import plain
from fakekube.expressions.environment import Program


class ConditionsBroken(Exception):
    """None of the conditions is false and some give no answer; the message is the server's."""


def compiled(conditions: Iterable[Mapping[str, Any]], *, has_params: bool = False) -> tuple[Program, ...]:
    """Of conditions that have been accepted, so that they compile; `has_params`: those of a policy with a kind of parameters."""
    return tuple(plain(has_params).program(condition["expression"].strip()) for condition in conditions)


def hold(conditions: Sequence[Program], evaluation: Evaluation) -> bool:
    """One condition that is false is enough for a no, whatever the others are. Raises ConditionsBroken."""
    broken: list[str] = []
    for condition in conditions:
        try:
            if evaluation.value(condition) is False:
                return False
        except OutOfBudget as error:
            raise ConditionsBroken(str(error)) from None
        except ExpressionError as error:
            broken.append(str(error))
    if broken:
        texts = list(dict.fromkeys(broken))
        raise ConditionsBroken(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return True
