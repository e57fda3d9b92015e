"""What `fakekube doctor` tells about a machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fakekube import sandbox
from fakekube.sandbox import rungs as rungs_module
from tests.sandbox import actors
from tests.sandbox.actors import Actor

UBUNTU = sandbox.Rungs(
    (
        sandbox.Rung("root", False, "this is not root on Linux."),
        sandbox.Rung("namespaces", False, "user namespaces are refused: EACCES.", advice=("Install bubblewrap.",)),
        sandbox.Rung(
            "python",
            True,
            "the environment needs no permission.",
            redirects="bound",
            missing=("Only Python programs find the volumes.",),
        ),
    )
)


def test_best_rung_its_lacks_and_the_way_up_are_named() -> None:
    text = sandbox.doctor(UBUNTU)

    assert text == (
        "A command sees its pod's world through the rung 'python': the environment needs no permission.\n"
        "  - The API server cannot be put at 127.96.0.1:443: programs reach it at KUBERNETES_SERVICE_HOST and _PORT\n"
        "    only.\n"
        "  - Only Python programs find the volumes.\n"
        "\n"
        "For a better one:\n"
        "  - Install bubblewrap.\n"
        "\n"
        "All that was tried, best first:\n"
        "  root        no      this is not root on Linux.\n"
        "  namespaces  no      user namespaces are refused: EACCES.\n"
        "  python      usable  the environment needs no permission.\n"
    )


def test_bound_address_is_reached_on_a_lower_rung() -> None:
    rung = sandbox.Rung("files", True, "", redirects="bound", bindable=(sandbox.API_ADDRESS,))

    assert rung.reaches(sandbox.API_ADDRESS)
    assert not rung.reaches(("10.96.0.1", 443))


@pytest.mark.parametrize("actor", actors.ACTORS, ids=str)
def test_this_machine_has_a_rung_and_says_which(actor: Actor) -> None:
    told = actors.probed(actor)

    assert told["doctor"].startswith(f"A command sees its pod's world through the rung '{told['best']}': ")
    assert "python" in told["usable"]
    if actor.plain:
        assert told["best"] == ("files" if actor.is_root else "python")
        assert "unshare: Operation not permitted" in told["doctor"]


@pytest.mark.parametrize(
    ("setting", "advice"),
    [
        ("apparmor_restrict_unprivileged_userns", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
        ("unprivileged_userns_clone", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        ("max_user_namespaces", "sudo sysctl -w user.max_user_namespaces=15000"),
    ],
)
def test_setting_that_forbids_user_namespaces_is_named(
    setting: str, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    path, (forbidding, told) = next(item for item in rungs_module._SETTINGS.items() if item[0].endswith(f"/{setting}"))
    file = os.path.join(tmp_path, "setting")
    with open(file, "w") as content:
        content.write(f"{forbidding}\n")
    monkeypatch.setattr(rungs_module, "_SETTINGS", {file: (forbidding, told)})

    assert any(advice in sentence for sentence in rungs_module._user_advice())
    assert path.startswith("/proc/sys/")


def test_package_imports_where_there_is_no_linux() -> None:
    """As on macOS: no module may want what only Linux has before it is asked to do something."""
    script = (
        "import sys, socket, os\n"
        "sys.platform = 'darwin'\n"
        "for name in ('SO_PASSCRED', 'SCM_CREDENTIALS'): delattr(socket, name)\n"
        "for name in ('memfd_create', 'pidfd_open', 'setresuid', 'setresgid'): delattr(os, name)\n"
        "import fakekube.sandbox as s\n"
        "from fakekube.sandbox import (backends, bubblewrap, container, dns, monitor, mount_plan, mounting, namespaces,\n"
        "    placed_files, pod_network, processes, program, python_view, relays, rungs)\n"
        "answers = {answer['name']: answer for answer in rungs.probe([])}\n"
        "print([name for name, answer in answers.items() if answer['usable']])\n"
        "print(answers['namespaces']['why'], *answers['namespaces']['advice'])\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    usable, why = done.stdout.splitlines()
    assert "python" in usable
    assert why == (
        "darwin has no mount namespaces. "
        'Run in a container or a virtual machine with Linux, or take the rung "container" (docker or podman).'
    )
