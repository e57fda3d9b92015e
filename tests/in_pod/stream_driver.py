"""A program under `Streams`, without a sandbox: `python stream_driver.py HEARD [--takes-input] COMMAND...`.

What was heard of its output goes into the file HEARD, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from fakekube.in_pod.streams import Streams


def main() -> int:
    heard_file, *command = sys.argv[1:]
    takes_input = command[0] == "--takes-input"
    heard: list[tuple[str, str]] = []
    streams = Streams(lambda name, data: heard.append((name, data.decode())), takes_input=takes_input)

    def in_session() -> None:
        if streams.has_terminal:
            os.setsid()
            os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal that is opened becomes the controlling one

    process = subprocess.Popen(
        command[takes_input:],
        stdin=streams.fds.get(0),
        stdout=streams.fds[1],
        stderr=streams.fds[2],
        preexec_fn=in_session,
    )
    streams.started()
    ended = os.pidfd_open(process.pid)

    def poll() -> int | None:
        status = process.poll()
        return status if status is None or status >= 0 else 128 - status

    def send_signal(number: int) -> None:
        process.send_signal(signal.Signals(number))

    with streams.open():
        if takes_input:
            streams.soon(lambda: streams.feed(b"from elsewhere\n"))
        code = streams.run(ended, poll, send_signal)
    with open(heard_file, "w") as file:
        json.dump(heard, file)
    return code


if __name__ == "__main__":
    sys.exit(main())
