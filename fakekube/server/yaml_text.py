"""JSON values as YAML, the way the API server writes it: keys sorted, nothing abbreviated."""

from __future__ import annotations

from functools import cache
from typing import Any


def yaml_text(value: Any) -> bytes:
    import yaml

    text: str = yaml.dump(
        value, Dumper=_dumper(), default_flow_style=False, sort_keys=True, allow_unicode=True, width=2**30
    )
    return text.encode()


@cache
def _dumper() -> Any:
    """A dumper that repeats what the value holds twice, where PyYAML would write anchors."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class WithoutAliases(base):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    represent = yaml.representer.SafeRepresenter
    for type, write in (
        (dict, represent.represent_dict),
        (str, represent.represent_str),
        (float, represent.represent_float),
        (int, represent.represent_int),
    ):
        # Values that know how they were sent are written as what they stand for.
        WithoutAliases.add_multi_representer(type, write)
    return WithoutAliases
