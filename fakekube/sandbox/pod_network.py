"""How does a view get a network of its own, in which the addresses of services are at hand? By a network namespace.

Its loopback carries the addresses, sockets that listen there are made inside and handed to the monitor, which accepts and
answers from the outside; so nothing of ours runs inside.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess

from fakekube.sandbox import linux, relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.orders import ViewOrder

_ANY_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
_PING_GROUPS = "/proc/sys/net/ipv4/ping_group_range"
_TUNNEL = "/dev/net/tun"
_PASTA_TIMEOUT_S = 5.0


def build(view: ViewOrder) -> list[tuple[socket.socket, str, int]]:
    """Inside of the namespace: sockets, each with its address, that listen for the redirects, and a UDP one of the resolver."""
    resolver = view["resolver"]
    wanted = [address for address, _, _, _ in view["redirects"]] + ([resolver["address"]] if resolver else [])
    linux.loopback_up([address for address in dict.fromkeys(wanted) if not _is_loopback(address)])
    # Any port may be listened on, as in the containers of the usual runtimes.
    for path, text in ((_ANY_PORT, "0"), (_PING_GROUPS, f"{view['gid']} {view['gid']}")):
        try:
            with open(path, "w") as file:
                file.write(text)
        except OSError:
            continue
    # ::1 of a redirect of its own comes first, and then 127.0.0.1 does without it.
    redirects = sorted(view["redirects"], key=lambda redirect: ":" not in redirect[0])
    listeners = [found for address, port, _, _ in redirects for found in relays.listen_with_loopbacks(address, port)]
    if resolver:
        questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        questions.bind((resolver["address"], 53))
        listeners.append((questions, resolver["address"], 53))
    return listeners


def resolver_file(view: ViewOrder) -> bytes:
    """/etc/resolv.conf as a pod with dnsPolicy ClusterFirst has it."""
    resolver = view["resolver"]
    assert resolver
    search = f"search {' '.join(resolver['search'])}\n" if resolver["search"] else ""
    return f"{search}nameserver {resolver['address']}\noptions ndots:5\n".encode()


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def why_no_pasta() -> str | None:
    """Why there is no way out of network "pod" on this machine; None when there is one."""
    if shutil.which("pasta") is None:
        return "pasta is not installed (package passt)"
    try:
        os.close(os.open(_TUNNEL, os.O_RDWR))
    except OSError as error:
        return f"{_TUNNEL} cannot be opened: {error.strerror}"
    return None


def lead_outward(pid: int, *, own_user_namespace: bool) -> subprocess.Popen[bytes] | str:
    """Starts pasta for the network of process `pid`; the text says why it did not come up. Not for a process with threads."""
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    ready, tells_ready = os.pipe()
    # By descriptors, because pasta gives up the rights to look into a process of root; and as whoever runs this.
    command = ["pasta", "--foreground", "--config-net", "--quiet", "--netns", f"/proc/self/fd/{network}"]
    command += ["--userns", f"/proc/self/fd/{user}"] if own_user_namespace else ["--netns-only"]
    command += ["--runas", "0"] if os.geteuid() == 0 else []
    # It writes its process id as the last thing before it works: addresses and routes are there earlier than the host's ports.
    command += ["--pid", f"/proc/self/fd/{tells_ready}"]
    pasta = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[network, user, tells_ready],
        preexec_fn=linux.die_with_parent,
    )
    for descriptor in (network, user, tells_ready):
        os.close(descriptor)
    try:
        told, _, _ = select.select([ready], [], [], _PASTA_TIMEOUT_S)
        if told and os.read(ready, 32):
            return pasta
    finally:
        os.close(ready)
    pasta.kill()
    _, errors = pasta.communicate()
    if told:
        return f"pasta ended: {errors.decode(errors='replace').strip()}"
    return f"pasta was not ready after {_PASTA_TIMEOUT_S:g} s"
