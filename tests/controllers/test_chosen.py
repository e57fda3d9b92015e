from __future__ import annotations

import pytest

from fakekube.controllers import CONTROLLERS, UnknownController, chosen


def names(words: str) -> set[str]:
    return {controller.name for controller in chosen(words)}


EVERYBODY = {controller.name for controller in CONTROLLERS}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("*", EVERYBODY),
        ("*,-deployment", EVERYBODY - {"deployment-controller"}),
        ("*, -deployment-controller , -scheduler", EVERYBODY - {"deployment-controller", "default-scheduler"}),
        ("daemonset-controller,garbage-collector-controller", {"daemon-set-controller", "generic-garbage-collector"}),
        ("-deployment", set()),
        ("", set()),
    ],
)
def test_controllers_are_chosen_as_kube_controller_manager_has_it(words: str, expected: set[str]) -> None:
    assert names(words) == expected


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(UnknownController, match="there is no controller 'nope': expected"):
        chosen("*,-nope")
