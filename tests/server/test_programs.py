"""Programs of this machine, with pipes and terminals: what the tests of commands do not see from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from fakekube.server import programs
from fakekube.server.programs import Launch, StartError, Target, fakekube_exec


async def test_a_program_that_does_not_read_stdin_has_none() -> None:
    program = await programs.start(Launch(["cat"]), reads=False, terminal=False)
    try:
        assert await program.outputs["stdout"].read() == b""
        assert await program.wait() == 0
    finally:
        await program.end()


async def test_output_comes_in_pieces_of_the_size_that_is_wanted() -> None:
    program = await programs.start(Launch(["printf", "abc"]), reads=False, terminal=False)
    try:
        output = program.outputs["stdout"]
        assert [await output.read(1), await output.read(), await output.read()] == [b"a", b"bc", b""]
    finally:
        await program.end()


async def test_an_end_leaves_no_descriptor_open() -> None:
    before = set(os.listdir("/dev/fd"))
    for terminal in (False, True):
        program = await programs.start(Launch(["sleep", "100"]), reads=True, terminal=terminal)
        await program.end()
        assert await program.wait() == 137
        assert await program.outputs["stdout"].read() == b""
        await program.write(b"to nobody")
        program.resize(80, 24)

    assert set(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("words", [["/no/such/program"], ["printf", "\0"]])
async def test_what_cannot_be_started_leaves_none_open_either(words: list[str]) -> None:
    before = set(os.listdir("/dev/fd"))

    with pytest.raises(StartError, match=words[0]):
        await programs.start(Launch(words), reads=True, terminal=False)

    assert set(os.listdir("/dev/fd")) == before


async def test_a_program_that_does_not_read_is_written_to_as_far_as_it_goes() -> None:
    program = await programs.start(Launch(["true"]), reads=True, terminal=False)
    try:
        await program.wait()
        await program.write(b"x" * (1 << 20))
    finally:
        await program.end()


@pytest.mark.parametrize(
    ("reads", "terminal", "options"), [(False, False, []), (True, False, ["-i"]), (True, True, ["-i", "-t"])]
)
def test_commands_run_by_fakekube_exec_against_this_server(reads: bool, terminal: bool, options: list[str]) -> None:
    launch = fakekube_exec(lambda: "/x/kubeconfig")(Target("shop", "p", "c"), ["ls", "-l"], reads, terminal)

    assert list(launch.arguments) == [
        *(sys.executable, "-P", "-m", "fakekube", "exec", "pod/p", "-n", "shop", "-c", "c"),
        *options,
        *("--", "ls", "-l"),
    ]
    assert launch.environment is not None
    assert (launch.environment["KUBECONFIG"], launch.environment["PATH"]) == ("/x/kubeconfig", os.environ["PATH"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a program that its parent has died")
def test_a_program_dies_with_a_server_that_is_killed() -> None:
    script = (
        "import asyncio, signal, os\n"
        "from fakekube.server import programs\n"
        "async def main():\n"
        "    program = await programs.start(programs.Launch(['sh', '-c', 'echo; sleep 100']), reads=False, terminal=False)\n"
        "    await program.outputs['stdout'].read()\n"
        "    print(program.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )

    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False, timeout=30)

    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while runs(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process is there, and not only waits for its parent to take note of its end."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")
