"""The functions that kube-apiserver adds to the standard ones: a module for each subject, each with a table of `OVERLOADS`.

https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries
"""

from __future__ import annotations

from fakekube.expressions.types import Overload

KUBERNETES: tuple[Overload, ...] = ()
"""What every expression may call."""
AUTHORIZER: tuple[Overload, ...] = ()
"""What may be asked of the variable `authorizer`, where there is one."""
JSON_PATCH: tuple[Overload, ...] = ()
"""What mutating policies may call besides."""
