"""The HTTPS webhooks that a scenario owns: they answer from a list and remember what they were sent."""

from __future__ import annotations

import base64
import contextlib
import copy
import functools
import http.server
import json
import socket
import ssl
import threading
import time
from typing import Any

import trustme

from .values import dig, drop, expand

Answer = dict[str, Any]
Call = dict[str, Any]
"""`webhook`, `do` and `body` of one request."""


@functools.cache
def webhook_certificates() -> tuple[str, ssl.SSLContext]:
    """The CA's certificate in PEM and a server context for 127.0.0.1, made once a run."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return authority.cert_pem.bytes().decode(), context


class Webhook:
    """An HTTPS endpoint that answers reviews from the scenario's list and remembers what it was sent."""

    def __init__(self, name: str, answers: list[Answer] | str) -> None:
        self.name, self.answers = name, answers if isinstance(answers, list) else []
        self.calls: list[Call] = []
        pem, context = webhook_certificates()
        self.ca = base64.b64encode(pem.encode()).decode()
        self.http: http.server.ThreadingHTTPServer | None = None
        if answers == "refused":
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                self.address = f"127.0.0.1:{listener.getsockname()[1]}"
            return
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, kind, text = hook.answer(self.path, json.loads(content))
                with contextlib.suppress(OSError):  # the server did not wait for a delayed answer
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def finish_request(self, request: Any, client_address: Any) -> None:
                # a handshake may fail, a client may leave
                with contextlib.suppress(OSError), context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client_address)

        self.http = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        if self.http:
            self.http.shutdown()
            self.http.server_close()

    def answer(self, path: str, review: dict[str, Any]) -> tuple[int, str, bytes]:
        self.calls.append({"webhook": self.name, "do": f"POST {path}", "body": copy.deepcopy(review)})
        script = self.answers[0] if self.answers else {}
        if len(self.answers) > 1:
            self.answers = self.answers[1:]
        time.sleep(script.get("delay", 0))
        request = review.get("request") or {}
        status = script.get("status", 200)
        if "raw" in script:
            return status, script.get("type", "text/plain"), script["raw"].encode()
        if "body" in script:
            body = expand(script["body"], {"uid": request.get("uid", "")})
        elif "convert" in script:
            version = request["desiredAPIVersion"]
            changes = script["convert"].get(version.split("/")[-1], [])
            objects = [converted(each, version, changes) for each in request["objects"]]
            done = {"uid": request["uid"], "convertedObjects": objects, "result": {"status": "Success"}}
            response = done | script.get("response", {})
            body = {"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response}
        else:
            response = {"uid": request.get("uid"), "allowed": True} | script.get("response", {})
            if "patch" in script:
                patch = base64.b64encode(json.dumps(script["patch"]).encode()).decode()
                response = {"patchType": "JSONPatch", "patch": patch} | response
            body = {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
        return status, "application/json", json.dumps(body).encode()


def converted(original: dict[str, Any], version: str, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """A copy of `original` at `version`, its fields moved and set as the scenario says."""
    result = copy.deepcopy(original) | {"apiVersion": version}

    def put(path: str, value: Any) -> None:
        *parents, last = path.split(".")
        here = result
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = value

    for change in changes:
        if "move" in change:
            source, target = change["move"]
            value = dig(result, source)
            if value is not None:
                drop(result, source)
                put(target, value)
        else:
            put(*change["set"])
    return result
