"""Starts one view as whoever runs this, and tells a test through a pipe how it went. A script: it runs as another user.

Arguments: the order as JSON, and the descriptor of the pipe, to which one JSON object per line is written.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import struct
import sys
from typing import Any

from fakekube import sandbox

REFUSED = {
    # What the usual profile of container runtimes refuses without CAP_SYS_ADMIN and CAP_SYS_PTRACE, by machine.
    "x86_64": [272, 308, 165, 166, 155, 170, 438, 442, 428, 429, 430, 431, 432],
    "aarch64": [97, 268, 40, 39, 41, 161, 438, 442, 428, 429, 430, 431, 432],
}
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def imitate_plain_container() -> None:
    """From now on this process and all that come from it are refused what makes namespaces and mounts, with EPERM."""
    machine = os.uname().machine

    def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    code = instruction(0x20, 4) + instruction(0x15, _ARCHITECTURES[machine], 1, 0) + instruction(0x06, 0x7FFF0000)
    code += instruction(0x20, 0)
    for number in REFUSED[machine]:
        code += instruction(0x15, number, 0, 1) + instruction(0x06, 0x00050001)
    code += instruction(0x06, 0x7FFF0000)
    content = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(content)))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((38, 1), (22, 2)):
        argument = header if option == 22 else ctypes.c_ulong(0)
        if libc.prctl(option, ctypes.c_ulong(value), argument, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def view_of(fields: dict[str, Any]) -> sandbox.View:
    mounts = tuple(
        sandbox.Mount(pathlib.Path(source), target, read_only) for source, target, read_only in fields.pop("mounts", [])
    )
    files = {path: text.encode() for path, text in fields.pop("files", {}).items()}
    redirects = {(address, port): (to, to_port) for address, port, to, to_port in fields.pop("redirects", [])}
    names = fields.pop("names", None)
    return sandbox.View(
        argv=tuple(fields.pop("argv")),
        environment=fields.pop("environment", dict(os.environ)),
        mounts=mounts,
        files=files,
        redirects=redirects,
        hidden=tuple(fields.pop("hidden", ())),
        groups=tuple(fields.pop("groups", ())),
        resolver=sandbox.Resolver({name: tuple(found) for name, found in names.items()}) if names else None,
        **fields,
    )


def main() -> None:
    order = json.loads(sys.argv[1])
    with open(int(sys.argv[2]), "w") as pipe:

        def tell(**fields: Any) -> None:
            pipe.write(json.dumps(fields) + "\n")
            pipe.flush()

        if order["plain"]:
            imitate_plain_container()
        if order["do"] == "probe":
            rungs = sandbox.probe([tuple(address) for address in order["addresses"]])
            usable = [rung.name for rung in rungs.rungs if rung.usable]
            catching = [rung.name for rung in rungs.rungs if rung.redirects == "any"]
            tell(usable=usable, catching=catching, best=rungs.best.name, doctor=sandbox.doctor(rungs))
            return
        try:
            process = sandbox.start(view_of(order["view"]), backend=order["backend"])
        except sandbox.SandboxError as error:
            tell(failed=error.message, exit_code=error.exit_code)
            return
        monitor = process._monitor.pid
        tell(
            pid=process.pid,
            monitor=monitor,
            rung=process.rung,
            missing=process.missing,
            record=process.record.to_json(),
        )
        tell(exit_code=process.wait(), signal=process.exit_signal)


if __name__ == "__main__":
    main()
