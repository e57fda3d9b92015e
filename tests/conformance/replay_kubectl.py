"""Play kubectl scenarios against a Kubernetes API server and say what kubectl printed, in a form that two servers share.

A scenario is a YAML file:

    name: create, read and delete a job
    namespace: true            # a fresh namespace, current in the kubeconfig (default true)
    files: {job.yaml: "..."}   # files in the working directory; a mapping or list is written as YAML
    cleanup: [kubectl ...]     # cluster-scoped things to remove at the end
    steps:
    - run: kubectl get pods | head -1   # through `sh -c` in the working directory
      until: regex                      # repeat until stdout or stderr matches
      timeout: 20                       # seconds, for the command and for `until`
      background: NAME                  # leave it running; go on when `until` matches
      env: {KUBE_EDITOR: sed -i ...}
      save: {PORT: '127.0.0.1:(\\d+)'}  # group 1, later usable as $PORT; shown as $PORT
      ignore: [regex]                   # matches are replaced by <ignored> in stdout and stderr
      sort: true                        # compare the lines sorted (their order is not promised)
      skip: true                        # run it, but record nothing
    - stop: NAME                        # end a background command, once `until` matches, and record it

Commands find in their environment: $NS (the namespace), $ID (unique per run), $SERVER, $TOKEN (the
administrator's), $CA (a file), and KUBECONFIG with the context, cluster and user `here`; files may
use $NS and $ID.  HOME is a fresh directory, so discovery is not cached between scenarios.

Recorded are exit status, stdout and stderr, with what differs from run to run replaced by
placeholders: UIDs, times and ages, resource versions, generated names and hashes, IPs, node
ports, tokens, temporary paths.  Where that changes the width of a table's cell, the padding of
that table is squeezed.
"""

from __future__ import annotations

import base64
import contextlib
import difflib
import functools
import os
import pathlib
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection
from typing import Any

import yaml

from .replay import Played, Scenario, Step

HOPELESS_WAIT_S = 2.0
"""How long a step may take that is known not to give what is waited for; a command of kubectl takes 0.1 s and more."""
STEP_TIMEOUT_S = 20.0

AGE = r"(?:(?:\d+[ydhms])+|<invalid>)"
AGE_CELL = re.compile(rf"{AGE}(?: \(x\d+ over {AGE}\))?")
AGE_COLUMNS = {"AGE", "Age", "LAST SEEN", "FIRST SEEN", "LAST SCHEDULE", "DURATION"}
CELL = re.compile(r"\S+(?: \S+)*")
RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"  # the alphabet of generated name suffixes and hashes
NUMBERED = [  # what stands for the same value everywhere in a scenario gets the same ordinal
    ("uid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    ("ip", re.compile(r"\b10\.\d+\.\d+\.\d+\b")),
    ("hash", re.compile(rf"(?:(?<=-)|(?<=hash=)|(?<=hash: )){RANDOM}{{8,10}}\b")),
    ("nodeport", re.compile(r"(?<=:)3[0-2]\d{3}(?=/(?:TCP|UDP|SCTP))|(?<=nodePort: )\d{5}|(?<=\"nodePort\": )\d{5}")),
    ("nodeport", re.compile(r"(?<=  )3[0-2]\d{3}(?=/(?:TCP|UDP|SCTP))")),
]
PLAIN = [
    (re.compile(r"^.*\"Warning: watch ended with error\".*very short watch.*\n", re.MULTILINE), ""),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<jwt>"),
    (re.compile(r"-----BEGIN [A-Z ]+-----[\s\S]+?-----END [A-Z ]+-----"), "<pem>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "<microtime>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}(?: UTC)?(?: m=\+\S+)?"), "<time>"),
    (re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "<time>"),
    (re.compile(r"^([EWIF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (\w+\.go):\d+\]", re.MULTILINE), r"<log \1 \2>"),
    (re.compile(r"(resourceVersion\\?\"?: ?\\?\"?)[1-9]\d*"), r"\1<rv>"),
    (
        re.compile(r"(resource version: |resource version to be \d+, was |resourceVersion=|Resource Version: +)\d+"),
        r"\1<rv>",
    ),
    (re.compile(r"\b(LIVE|MERGED|kubectl-edit|edit)-\d+"), r"\1-<random>"),
    (re.compile(r"\.[0-9a-f]{16}\b"), ".<event>"),
    (re.compile(rf"\({AGE} ago\)"), "(<age> ago)"),
    (re.compile(rf"(?<=-){RANDOM}{{5}}\b"), "<random>"),
    (re.compile(rf"^(Duration: +){AGE}$", re.MULTILINE), r"\1<age>"),
]
WIDE = re.compile(r"<(?:age|ip-\d+|hash-\d+|random|nodeport-\d+|ignored)>\S*  ")


class Normaliser:
    """Replaces what differs from run to run, one memory per scenario."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known  # text -> placeholder
        self.seen: dict[str, dict[str, str]] = {}

    def ordinal(self, kind: str, found: re.Match[str]) -> str:
        known = self.seen.setdefault(kind, {})
        return known.setdefault(found[0], f"<{kind}-{len(known) + 1}>")

    def text(self, value: str, ignore: list[str]) -> list[str]:
        value = mark_ages(value)
        for pattern in ignore:
            value = re.sub(pattern, "<ignored>", value, flags=re.MULTILINE)
        for known in sorted(self.known, key=len, reverse=True):
            value = value.replace(known, self.known[known])
        for plain, mark in PLAIN:
            value = plain.sub(mark, value)
        for kind, numbered in NUMBERED:
            value = numbered.sub(functools.partial(self.ordinal, kind), value)
        blocks = value.split("\n\n")
        for index, block in enumerate(blocks):
            if WIDE.search(block):
                blocks[index] = re.sub(r"(?<=[^ \n]) {2,}", "  ", block)
        return "\n\n".join(blocks).splitlines()


def mark_ages(value: str) -> str:
    """Replace the cells under AGE and its like, and only those: `100m` of CPU is no age."""
    lines: list[str] = []
    columns: list[int] = []
    last = False
    for whole in value.split("\n"):
        line = whole
        cells = list(CELL.finditer(line))
        titles = [cell for cell in cells if cell[0] in AGE_COLUMNS]
        if titles and len(cells) > 1:
            columns, last = [cell.start() for cell in titles], cells[-1][0] in AGE_COLUMNS
        elif not cells:
            columns, last = [], False
        else:
            for cell in reversed(cells):
                aged = cell.start() in columns or (last and cell is cells[-1])
                if aged and AGE_CELL.fullmatch(cell[0]):
                    line = line[: cell.start()] + "<age>" + line[cell.end() :]
        lines.append(line)
    return "\n".join(lines)


class Stage:
    """A temporary home, working directory and kubeconfig in which the steps of a scenario run."""

    def __init__(
        self, folder: pathlib.Path, kubectl: pathlib.Path, kubeconfig: dict[str, Any], scenario: Scenario
    ) -> None:
        """`kubeconfig` is of the administrator; its first cluster and user are used."""
        self.folder, self.work = folder, folder / "work"
        for name in ("work", "home", "bin", "tmp"):
            (folder / name).mkdir()
        (folder / "bin" / "kubectl").symlink_to(kubectl)
        cluster = kubeconfig["clusters"][0]["cluster"]
        user = kubeconfig["users"][0]["user"]
        run_id = "r" + secrets.token_hex(4)
        self.namespace = f"ns-{run_id}" if scenario.get("namespace", True) else ""
        authority = cluster.get("certificate-authority-data")
        if authority:
            (folder / "ca.crt").write_bytes(base64.b64decode(authority))
        elif cluster.get("certificate-authority"):
            (folder / "ca.crt").write_bytes(pathlib.Path(cluster["certificate-authority"]).read_bytes())
        context = {"cluster": "here", "user": "here"} | ({"namespace": self.namespace} if self.namespace else {})
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "here", "user": user}],
            "contexts": [{"name": "here", "context": context}],
            "current-context": "here",
        }
        (folder / "kubeconfig").write_text(yaml.safe_dump(config))
        self.variables: dict[str, str] = {"NS": self.namespace, "ID": run_id, "SERVER": cluster["server"]}
        self.environment = {
            "PATH": f"{folder}/bin:{os.environ['PATH']}",
            "HOME": f"{folder}/home",
            "TMPDIR": f"{folder}/tmp",
            "KUBECONFIG": f"{folder}/kubeconfig",
            "CA": f"{folder}/ca.crt",
            "TOKEN": user.get("token", ""),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        known = {str(folder): "$TMP", cluster["server"]: "$SERVER", run_id: "$ID"}
        known[re.sub(r"^https?://", "", cluster["server"])] = "$HOST"
        if self.namespace:
            known[self.namespace] = "$NS"
        if user.get("token"):
            known[user["token"]] = "$TOKEN"
        self.normaliser = Normaliser(known)
        self.running: dict[str, tuple[subprocess.Popen[bytes], pathlib.Path, Step]] = {}
        for name, content in scenario.get("files", {}).items():
            text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
            target = self.work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace("$NS", self.namespace).replace("$ID", run_id))

    def play(self, position: int, step: Step, longest_wait_s: float) -> Played:
        """Do what the step says, for its own `timeout` or `longest_wait_s`."""
        step = step | {"timeout": min(step.get("timeout", STEP_TIMEOUT_S), longest_wait_s)}
        act = self.stop if "stop" in step else self.leave_running if "background" in step else self.run
        answer, met = act(step)
        return Played(position, answer["run"].strip(), None if step.get("skip") else answer, met)

    def start(self, command: str, env: dict[str, str], out: pathlib.Path) -> subprocess.Popen[bytes]:
        with open(f"{out}.1", "wb") as stdout, open(f"{out}.2", "wb") as stderr:
            return subprocess.Popen(
                ["sh", "-c", command],
                cwd=self.work,
                env=self.environment | self.variables | env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def run(self, step: Step) -> tuple[dict[str, Any], bool]:
        """Run a step to its end, or repeat it until it says what is waited for."""
        timeout = step.get("timeout", STEP_TIMEOUT_S)
        deadline = time.monotonic() + timeout
        out = self.folder / f"out-{secrets.token_hex(4)}"
        while True:
            process = self.start(step["run"], step.get("env", {}), out)
            exit_status: int | str = "timeout"
            with contextlib.suppress(subprocess.TimeoutExpired):
                exit_status = process.wait(timeout)
            end(process)
            stdout, stderr = printed(out)
            met = bool(re.search(step.get("until", ""), stdout + stderr, re.MULTILINE))
            if met or time.monotonic() > deadline:
                return self.answer(step, exit_status, stdout, stderr), met and exit_status != "timeout"
            time.sleep(0.2)

    def leave_running(self, step: Step) -> tuple[dict[str, Any], bool]:
        out = self.folder / f"out-{secrets.token_hex(4)}"
        process = self.start(step["run"], step.get("env", {}), out)
        self.running[step["background"]] = (process, out, step)
        met = self.wait_for(process, out, step)
        return self.answer(step, "running" if process.poll() is None else process.returncode, *printed(out)), met

    def stop(self, step: Step) -> tuple[dict[str, Any], bool]:
        process, out, begun = self.running.pop(step["stop"])
        met = self.wait_for(process, out, step)
        end(process)
        return self.answer(step | {"run": f"(stop) {begun['run']}"}, "stopped", *printed(out)), met

    def wait_for(self, process: subprocess.Popen[bytes], out: pathlib.Path, step: Step) -> bool:
        deadline = time.monotonic() + step.get("timeout", STEP_TIMEOUT_S)
        while True:
            stdout, stderr = printed(out)
            if re.search(step.get("until", ""), stdout + stderr, re.MULTILINE):
                return True
            if process.poll() is not None or time.monotonic() > deadline:
                return bool(re.search(step.get("until", ""), "".join(printed(out)), re.MULTILINE))
            time.sleep(0.05)

    def answer(self, step: Step, exit_status: int | str, stdout: str, stderr: str) -> dict[str, Any]:
        for name, pattern in step.get("save", {}).items():
            found = re.search(pattern, stdout, re.MULTILINE)
            self.variables[name] = found[1] if found else ""
            if found and len(found[1]) > 3:
                self.normaliser.known.setdefault(found[1], f"${name}")
        if step.get("sort"):
            stdout, stderr = ("\n".join(sorted(text.splitlines())) for text in (stdout, stderr))
        ignore = step.get("ignore", [])
        out, err = self.normaliser.text(stdout, ignore), self.normaliser.text(stderr, ignore)
        return {"run": step["run"], "exit": exit_status, "stdout": out, "stderr": err}

    def close(self, cleanup: list[str]) -> None:
        for process, _, _ in self.running.values():
            end(process)
        if self.namespace:
            self.run({"run": "kubectl delete namespace $NS --wait=false"})
        for command in cleanup:
            self.run({"run": command})


def end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def printed(out: pathlib.Path) -> tuple[str, str]:
    stdout, stderr = (pathlib.Path(f"{out}.{n}").read_text(errors="replace") for n in (1, 2))
    return stdout, stderr


def play(
    kubectl: pathlib.Path, kubeconfig: dict[str, Any], scenario: Scenario, hopeless: Collection[int] = ()
) -> list[Played]:
    """`hopeless` are the positions of steps that are known to wait in vain."""
    with tempfile.TemporaryDirectory(prefix="replay-kubectl-") as folder:
        stage = Stage(pathlib.Path(folder), kubectl, kubeconfig, scenario)
        try:
            if stage.namespace:
                stage.run({"run": "kubectl create namespace $NS"})
                account = {"run": "kubectl get serviceaccount default -o name", "until": "serviceaccount/default"}
                stage.run(account)
            return [
                stage.play(position, step, HOPELESS_WAIT_S if position in hopeless else STEP_TIMEOUT_S * 10)
                for position, step in enumerate(scenario["steps"], 1)
            ]
        finally:
            stage.close(scenario.get("cleanup", []))


def differences(want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """The lines of standard output and error that differ, as in a diff, and the exit status."""
    if want == got:
        return []
    if want["run"] != got.get("run"):
        return [f"the recording is of another step: the scenario has {got.get('run')!r}"]
    found = [] if want.get("exit") == got.get("exit") else [f"exit: want {want.get('exit')}, got {got.get('exit')}"]
    for stream in ("stdout", "stderr"):
        diff = difflib.unified_diff(want.get(stream, []), got.get(stream, []), lineterm="", n=0)
        found += [f"{stream} {line}" for line in diff if not line.startswith(("---", "+++", "@@"))]
    return found
