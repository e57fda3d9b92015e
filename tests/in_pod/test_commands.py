from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click.testing
import pytest

from fakekube.cli import main
from fakekube.in_pod import commands
from fakekube.in_pod.commands import COMMANDS, EXEC, RENDER, RUN, UsageError, parse
from fakekube.server.kubeconfig import kubeconfig, to_yaml


def test_what_stands_behind_the_dashes_is_the_programs() -> None:
    parsed = parse(RUN, ["pod/web", "-c", "main", "--net=pod", "--", "sh", "-c", "exit 3", "--net"], {})

    assert parsed is not None
    assert (parsed.positionals, parsed.command) == (["pod/web"], ["sh", "-c", "exit 3", "--net"])
    assert (parsed.values["container"], parsed.values["net"], parsed.values["as_root"]) == ("main", "pod", None)


def test_switches_of_one_letter_may_share_a_word_as_with_kubectl() -> None:
    parsed = parse(EXEC, ["-itcmain", "web", "-nshop", "--", "bash"], {})

    assert parsed is not None
    assert [parsed.values[name] for name in ("stdin", "tty", "container", "namespace")] == [True, True, "main", "shop"]


def test_options_come_from_the_environment_and_the_command_line_has_the_last_word() -> None:
    environ = {"FAKEKUBE_RUN_NET": "pod", "FAKEKUBE_RUN_AS_ROOT": "true", "FAKEKUBE_RUN_FILENAME": "a.yaml b.yaml"}

    given = parse(RUN, [], environ)
    said = parse(RUN, ["--net", "host", "-f", "c.yaml", "-f", "d.yaml"], environ)

    assert given is not None
    assert said is not None
    assert [given.values[name] for name in ("net", "as_root", "filename")] == ["pod", True, ["a.yaml", "b.yaml"]]
    assert [said.values[name] for name in ("net", "as_root", "filename")] == ["host", True, ["c.yaml", "d.yaml"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["web", "true"], "'true' is not understood: a command stands behind --"),
        (["web", "--nett", "host"], "there is no option --nett"),
        (["web", "-x"], "there is no option -x"),
        (["web", "--net", "none"], "--net none: expected host, pod"),
        (["web", "--net"], "--net needs a value: NETWORK"),
        (["web", "--as-root=yes"], "--as-root takes no value"),
    ],
)
def test_a_command_line_that_is_not_understood_is_told(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(RUN, arguments, {})

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "which pod? Give pod/NAME."),
        (["run", "deployment/web"], "deployment/web is not a pod: expected pod/NAME."),
        (["run", "web", "--sync-period", "often"], "--sync-period often: expected seconds."),
        (["run", "web", "--sidecar", "proxy"], "--sidecar 'proxy': expected NAME='COMMAND'."),
        (
            ["run", "web", "--net=pod", "--sidecar", "a=b"],
            "--sidecar needs the host's network: with --net=pod each container would be in a network of its own.",
        ),
        (["run", "web", "--workdir-from", "/nowhere"], "--workdir-from /nowhere is not a directory."),
        (["exec", "web"], "which command? It stands behind --."),
        (["render", "pod.yaml"], "give the pod's manifest and a directory."),
        (["render", "a", "b", "c"], "'c' is one too many."),
        (["doctor", "--", "x"], "nothing may stand behind --."),
    ],
)
def test_misuse_ends_with_a_line_and_the_usage(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # Of a server that is not there: whoever asks it before the command line is understood says so instead.
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    (tmp_path / "kubeconfig").write_text(to_yaml(kubeconfig("http://127.0.0.1:9", "", "token")))

    code = commands.main(arguments)

    told = capsys.readouterr().err
    assert (code, told.partition(" Usage: ")[0]) == (2, f"error: {message}")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([name, "--help"]) == 0

    told = capsys.readouterr().out
    assert told.startswith(f"Usage: fakekube {name}")
    assert [flag for option in COMMANDS[name].options for flag in option.flags if flag not in told] == []


def test_the_commands_are_among_the_others() -> None:
    told = click.testing.CliRunner().invoke(main, ["--help"]).output

    assert [name for name in COMMANDS if f"\n  {name} " not in told] == []
    assert "Usage: fakekube render" in click.testing.CliRunner().invoke(main, ["render", "--help"]).output


def test_they_start_without_click_and_without_a_parser_of_yaml() -> None:
    program = (
        "import sys; from fakekube.__main__ import main; import fakekube.in_pod.supervisor, fakekube.in_pod.servers;"
        "sys.exit(' '.join({'click', 'yaml', 'orjson', 'http.client', 'email', 'asyncio', 'websockets', 'cryptography', 'httptools'}"
        " & sys.modules.keys()) or 0)"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stderr) == (0, "")


def test_render_takes_no_command() -> None:
    with pytest.raises(UsageError):
        parse(RENDER, ["pod.yaml", "dir", "--", "true"], {})
