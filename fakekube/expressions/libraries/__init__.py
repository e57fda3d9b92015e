"""The functions that kube-apiserver adds to the standard ones: a module for each subject, each with a table of `OVERLOADS`.

A function of a library takes the values of a call in the order of the overload's parameters and raises EvaluationProblem.
What `target.sortBy(x, key)` means is `target.@sortByAssociatedKeys(target.map(x, key))`.

https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries
"""

from __future__ import annotations

from fakekube.expressions.libraries import (
    addresses,
    authorizer,
    formats,
    json_patch,
    lists,
    quantities,
    regular_expressions,
    semantic_versions,
    sets,
    urls,
)
from fakekube.expressions.types import Overload

KUBERNETES: tuple[Overload, ...] = (
    *urls.OVERLOADS,
    *regular_expressions.OVERLOADS,
    *lists.OVERLOADS,
    *authorizer.OVERLOADS,
    *quantities.OVERLOADS,
    *sets.OVERLOADS,
    *addresses.OVERLOADS,
    *formats.OVERLOADS,
    *semantic_versions.OVERLOADS,
)
"""What every expression may call; also what is asked of the variable `authorizer`, where there is none."""
JSON_PATCH: tuple[Overload, ...] = json_patch.OVERLOADS
"""What mutating policies may call besides."""
