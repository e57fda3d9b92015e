"""What a cluster is to be like. Light to import: pytest reads the names of the options at every start."""

from __future__ import annotations

from dataclasses import dataclass

CERTS_DIRECTORY = "certs"
"""Where `fakekube serve` keeps its certificates, below the current directory, if nothing else is said."""
KUBECONFIG = "kubeconfig"
"""The file in it."""


@dataclass(frozen=True)
class ClusterOptions:
    """The keywords of FakeCluster, of the marker `kube`, and (with `kube_` before them) of pytest's ini file."""

    nodes: int = 1
    """Nodes that fakekube runs itself: pods placed on them come to life. With 0 pods stay Pending, as without any kubelet."""
    anonymous_auth: bool = True
    """Whether requests without credentials are system:anonymous (403) or refused (401)."""
    authorization_mode: str = "Node,RBAC"
    """Who decides what a user may do: `Node,RBAC`, `RBAC`, or `AlwaysAllow`, which lets everybody do everything."""
    token_auth_file: str = ""
    """A file of static tokens, a line of `TOKEN,NAME,UID,"GROUP,GROUP"` for each."""
    service_account_signing_algorithm: str = "ES256"
    """Of service accounts' tokens: ES256, or RS256 for readers that know nothing else."""
    service_cidr: str = "10.96.0.0/16"
    """Where services get their addresses."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free one."""
    controllers: str = "*"
    """Which controllers run, as kube-controller-manager takes it: `*,-deployment` is all but one. `scheduler` is one of them."""
    node_template: str = ""
    """A file with a Node: its labels, taints, capacity are those of the nodes, its name is what their names begin with."""
    run_any_node: bool = False
    """Whether pods come to life on nodes that clients create as well."""
    stages: str = ""
    """A directory of KWOK Stages, by which pods live instead of by fakekube's own rules."""
    event_ttl: str = "1h"
    """How long events are kept after they were last written, as kube-apiserver's `--event-ttl` takes it: `30m`, `1h30m`."""
    allow_exec: bool = False
    """Whether `kubectl exec`, `attach`, `cp` and `port-forward` run programs of this machine, and reach those that play containers."""
    seed: int | None = None
    """Of uids, name suffixes and addresses; None is different each time."""
