"""`fakekube serve --nodes 0` as anyone would start it: a process, TLS, a certs directory."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

START_TIMEOUT_S = 60.0
TRACEBACK = "Traceback (most recent call last)"


@dataclass
class Served:
    """A running server and its administrator's credentials."""

    url: str
    ca_file: pathlib.Path
    token: str
    kubeconfig: dict[str, Any]
    log: pathlib.Path | None = None
    process: subprocess.Popen[bytes] | None = None
    _read: int = field(default=0, repr=False)

    @functools.cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file))

    def new_traceback(self) -> str:
        """What the server has logged since the last call, if there is a traceback in it or the server has ended."""
        if self.log is None:
            return ""
        text = self.log.read_text(errors="replace")
        new, self._read = text[self._read :], len(text)
        return new[new.index(TRACEBACK) :] if TRACEBACK in new else self._obituary(text)

    def _obituary(self, log: str) -> str:
        status = self.process.poll() if self.process else None
        return "" if status is None else f"the server has ended with status {status}:\n{log}"


AS_RECORDED = ("--nodes", "0", "--service-account-signing-algorithm", "RS256")
"""The recorded server had no node, and an RSA key for its tokens."""


@contextlib.contextmanager
def serve(options: Sequence[str] = AS_RECORDED) -> Iterator[Served]:
    """A server of its own in a process, until the block is left.

    Raises RuntimeError with what it printed if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="fakekube-") as folder:
        certs, log = pathlib.Path(folder) / "certs", pathlib.Path(folder) / "log"
        command = [sys.executable, "-m", "fakekube", "serve", "--port", "0", "--certs-dir", str(certs), *options]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_written(certs / "kubeconfig", process, log)
            yield read_certs(certs, log, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_written(kubeconfig: pathlib.Path, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    """The kubeconfig is written when the port is known; connections wait in its queue until they are answered."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (kubeconfig.exists() and "current-context" in kubeconfig.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"fakekube serve did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def read_certs(
    certs: pathlib.Path, log: pathlib.Path | None = None, process: subprocess.Popen[bytes] | None = None
) -> Served:
    """The server that left its credentials in this directory."""
    kubeconfig = yaml.safe_load((certs / "kubeconfig").read_text())
    token = (certs / "admin.token").read_text().strip()
    kubeconfig["users"][0]["user"] = {"token": token}  # transcripts use it, and the kubeconfig's own is a certificate
    url = kubeconfig["clusters"][0]["cluster"]["server"]
    return Served(url, certs / "ca.crt", token, kubeconfig, log, process)
