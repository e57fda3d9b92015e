"""A headless Chromium, told what to do over its DevTools protocol."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]
TIMEOUT_S = 30.0


def program() -> str | None:
    """The path of an installed Chromium."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page; everything is done by JavaScript in it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._sent = 0

    def run(self, script: str) -> Any:
        """The value of an expression. Raises RuntimeError with what the page threw."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        self._connection.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(timeout=TIMEOUT_S))
            if answer.get("id") == self._sent:
                result: dict[str, Any] = answer["result"]
                return result

    def wait_for(self, condition: str) -> Any:
        """The expression's value once it is true to JavaScript. Raises TimeoutError with the page's text."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if value := self.run(condition):
                return value
            time.sleep(0.05)
        raise TimeoutError(f"never true: {condition}\n{self.run('document.body.innerText')}")

    def click(self, selector: str) -> None:
        """The first element of a CSS selector, once it is there."""
        self.run(f"{self._found(selector)}.click()")

    def type(self, selector: str, text: str) -> None:
        """Into an input, as a keyboard does; then leave it."""
        field = self._found(selector)
        self.run(f"{field}.focus()")
        self._ask("Input.insertText", text=text)
        self.run(f"{field}.blur()")

    def _found(self, selector: str) -> str:
        found = f"document.querySelector({json.dumps(selector)})"
        self.wait_for(f"{found} !== null")
        return found


@contextlib.contextmanager
def browse(url: str, profile: pathlib.Path) -> Iterator[Page]:
    """The page at `url` in a browser of its own, whose files lie in the folder `profile`."""
    found = program()
    assert found is not None
    port_file = profile / "DevToolsActivePort"
    command = [found, *FLAGS, f"--user-data-dir={profile}", url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while not (port_file.exists() and "\n" in port_file.read_text()):
                assert process.poll() is None, "the browser has ended"
                assert time.monotonic() < deadline, "the browser does not start"
                time.sleep(0.05)
            port = int(port_file.read_text().split()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=TIMEOUT_S) as answer:
                target = next(each for each in json.load(answer) if each["type"] == "page")
            with connect(target["webSocketDebuggerUrl"], max_size=None, proxy=None) as connection:
                yield Page(connection)
        finally:
            process.terminate()
