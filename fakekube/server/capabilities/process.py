"""The door through which a container is played by a process of this machine: `fakekube run` starts it and reports of it here.

    GET /fakekube/v1/namespaces/NAMESPACE/pods/POD/containers/CONTAINER/process

is a WebSocket, allowed to whoever may `create` `pods/exec`. Messages are texts, each one JSON object with a `type`.

From whoever runs the process:

    {"type": "started", "pid": 4711, "network": "host"}     network: host (default) or pod, where `kubectl port-forward` finds its ports
    {"type": "output", "stream": "stdout", "data": BASE64}  or stderr
    {"type": "waiting", "reason": "CreateContainerConfigError", "message": "..."}
    {"type": "event", "reason": "FailedMount", "message": "...", "eventType": "Warning"}     Warning is the default
    {"type": "exited", "exitCode": 1, "signal": null, "message": "..."}     signal: by which it ended; its exit code is then 128 and the signal

From the server:

    {"type": "accepted"}                                    first; the process may be started
    {"type": "refused", "message": "..."}                   instead; the connection is closed then
    {"type": "stdin", "data": BASE64}                       null: the end of it
    {"type": "resize", "width": 80, "height": 24}           columns and rows
    {"type": "signal", "signal": 15, "grace_s": 30}         the pod is being deleted; 9 follows when the grace period is over

After `exited` the server closes the connection (1000) as soon as the container's status says so. A connection that is lost without `exited` is
exit code 137. Before the WebSocket is accepted a pod that is not there is 404 and a container that is not there 400, both as a Status.
"""

from __future__ import annotations
