"""The command line: serve, proxy, kubeconfig, and as much of apply, get and delete as one needs without kubectl.

Imports stay inside the commands, because `fakekube serve` is to answer within 0.4 s. Our own errors end in one line that says
what was wrong and what to do, and in exit status 1.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from fakekube.in_pod.commands import COMMANDS
from fakekube.options import CERTS_DIRECTORY, KUBECONFIG

if TYPE_CHECKING:
    from fakekube.cluster import FakeCluster
    from fakekube.remote import Remote, Resource
    from fakekube.seeding import Manifest, SeedFailure
    from fakekube.server.certificates import Certificates, KeyPair
    from fakekube.server.kubeconfig import Endpoint

DELETE_POLL_S = 0.05
DELETE_TIMEOUT_S = 60.0


class Failure(click.ClickException):
    """An error of ours: one line on stderr, exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo(self.message if self.message.startswith("Error from server") else f"error: {self.message}", err=True)


@contextmanager
def _reported() -> Iterator[None]:
    """Errors that say what to do become a line instead of a traceback."""
    from fakekube.remote import RemoteError
    from fakekube.seeding import SeedError
    from fakekube.server.certificates import CertificatesError
    from fakekube.server.kubeconfig import KubeconfigError

    try:
        yield
    except RemoteError as error:
        raise Failure(_refusal(error)) from None
    except (CertificatesError, KubeconfigError, SeedError) as error:
        raise Failure(str(error)) from None


@click.group(
    context_settings={"auto_envvar_prefix": "FAKEKUBE", "help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(package_name="fakekube")
def main() -> None:
    """A local fake Kubernetes API server.

    Every option can be given as an environment variable as well, for instance FAKEKUBE_SERVE_PORT=0.
    """


_CERTS_DIRECTORY_OPTION = click.option(
    "--certs-dir", type=click.Path(path_type=Path), default=CERTS_DIRECTORY, show_default=True, show_envvar=True,
    help="Where the authority, the keys, the administrator's token and the kubeconfig are kept.",
)  # fmt: skip


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, show_envvar=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6443,
    show_default=True,
    show_envvar=True,
    help="0 takes any free one.",
)
@_CERTS_DIRECTORY_OPTION
@click.option("--new-ca", is_flag=True, show_envvar=True, help="Make all certificates and the token anew.")
@click.option("--seed", multiple=True, type=click.Path(path_type=Path), metavar="FILE|DIR", show_envvar=True,
              help="Create the objects of these manifests at the start. Repeatable.")  # fmt: skip
@click.option("--nodes", type=click.IntRange(min=0), default=1, show_default=True, show_envvar=True,
              help="How many nodes run pods; with 0 they stay Pending.")  # fmt: skip
@click.option("--node-template", type=click.Path(path_type=Path), metavar="FILE", show_envvar=True,
              help="A Node whose labels, taints and capacity the nodes shall have; its name begins theirs.")  # fmt: skip
@click.option("--run-any-node", is_flag=True, show_envvar=True,
              help="Let pods come to life on nodes that clients create as well.")  # fmt: skip
@click.option("--stages", type=click.Path(path_type=Path), metavar="DIR", show_envvar=True,
              help="KWOK Stages by which pods live instead of by fakekube's own rules.")  # fmt: skip
@click.option("--controllers", default="*", show_default=True, show_envvar=True,
              help="Which controllers run, as kube-controller-manager takes it: '*,-deployment' is all but one.")  # fmt: skip
@click.option("--event-ttl", default="1h", show_default=True, show_envvar=True,
              help="How long events are kept, as kube-apiserver takes it.")  # fmt: skip
@click.option("--anonymous-auth/--no-anonymous-auth", default=True, show_default=True, show_envvar=True,
              help="Whether requests without credentials are system:anonymous (403) or refused (401).")  # fmt: skip
@click.option(
    "--service-cidr",
    default="10.96.0.0/16",
    show_default=True,
    show_envvar=True,
    help="Where services get their addresses.",
)
@click.option("--token-auth-file", type=click.Path(path_type=Path), show_envvar=True,
              help='Static tokens: a line of TOKEN,NAME,UID,"GROUP,GROUP" for each.')  # fmt: skip
@click.option("--authorization-mode", default="Node,RBAC", show_default=True, show_envvar=True,
              help="Who decides what a user may do; AlwaysAllow lets everybody do everything.")  # fmt: skip
@click.option("--service-account-signing-algorithm", type=click.Choice(["ES256", "RS256"]), default="ES256",
              show_default=True, show_envvar=True, help="How tokens of service accounts are signed.")  # fmt: skip
@click.option("--explain-forbidden", is_flag=True, show_envvar=True,
              help="Print of every 403 what was missing and the smallest role that allows it.")  # fmt: skip
@click.option("--record-permissions", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", show_envvar=True,
              help="At the end write the smallest roles that cover what everybody did.")  # fmt: skip
@click.option("--allow-exec", is_flag=True, show_envvar=True,
              help="Let kubectl exec, attach, cp and port-forward run programs on this machine, as the user who serves.")  # fmt: skip
@click.option("--quiet", is_flag=True, show_envvar=True, help="Print nothing but errors.")
def serve(
    host: str,
    port: int,
    certs_dir: Path,
    new_ca: bool,
    seed: tuple[Path, ...],
    nodes: int,
    node_template: Path | None,
    run_any_node: bool,
    stages: Path | None,
    controllers: str,
    event_ttl: str,
    anonymous_auth: bool,
    service_cidr: str,
    token_auth_file: Path | None,
    authorization_mode: str,
    service_account_signing_algorithm: str,
    explain_forbidden: bool,
    record_permissions: Path | None,
    allow_exec: bool,
    quiet: bool,
) -> None:
    """Serve a fresh cluster over TLS until Ctrl-C."""
    from fakekube.access.modes import authorizers
    from fakekube.access.token_file import TokenFileError
    from fakekube.server.certificates import Certificates, CertificatesError
    from fakekube.server.run import ListenError

    try:
        if seed:
            _check_seeds(seed)
        certificates = Certificates.load_or_create(
            certs_dir,
            new_ca=new_ca,
            host=host,
            service_address=_first_address(service_cidr),
            token_algorithm=service_account_signing_algorithm,
        )
        from fakekube.cluster import FakeCluster

        try:
            authorizers(authorization_mode)
        except ValueError as error:
            raise Failure(str(error)) from None
        from fakekube.controllers import UnknownController
        from fakekube.kubelet import StageError
        from fakekube.kubelet.node import NodeTemplateError
        from fakekube.registry.expiry import TimeToLiveError

        try:
            cluster = FakeCluster(
                nodes=nodes,
                node_template=str(node_template or ""),
                run_any_node=run_any_node,
                stages=str(stages or ""),
                controllers=controllers,
                event_ttl=event_ttl,
                allow_exec=allow_exec,
                anonymous_auth=anonymous_auth,
                authorization_mode=authorization_mode,
                token_auth_file=str(token_auth_file or ""),
                service_account_signing_algorithm=service_account_signing_algorithm,
                service_cidr=service_cidr,
                certificates=certificates,
                host=host,
                port=port,
            )
        except (UnknownController, NodeTemplateError, StageError, TimeToLiveError) as error:
            raise Failure(str(error)) from None

        def announce(failures: Sequence[SeedFailure] = ()) -> None:
            for failure in failures:
                click.echo(f"seed: {failure}", err=True)
            if not quiet:
                click.echo(start_text(cluster.url, certs_dir))

        async def seed_and_announce() -> None:
            try:
                announce(await cluster.seed(seed))
            except Exception as error:
                announce()
                Failure(f"the seeds were not sent: {error}").show()

        def on_ready() -> None:
            _write_kubeconfig(certificates, certs_dir, cluster.url)
            if not seed:
                announce()
                return
            import asyncio

            task = asyncio.get_running_loop().create_task(seed_and_announce())
            running.append(task)

        running: list[Any] = []
        if allow_exec:
            from fakekube.server.programs import fakekube_exec

            # The kubeconfig that is there in any case, so that nothing is left behind by a server that is killed.
            cluster.launcher = fakekube_exec(lambda: str((certs_dir / KUBECONFIG).resolve()))
        cluster.explains_refusals = explain_forbidden
        cluster.records_permissions = record_permissions is not None
        if record_permissions is not None:
            _check_writable(record_permissions)
        cluster.run_foreground(on_ready)
        if record_permissions is not None:
            record_permissions.write_text(recorded_permissions(cluster), encoding="utf-8")
    except (CertificatesError, ListenError, TokenFileError) as error:
        raise Failure(str(error)) from None


def recorded_permissions(cluster: FakeCluster) -> str:
    """YAML of all roles and bindings."""
    from fakekube.access.recording import to_yaml

    recorder = cluster.plane.recorder
    return to_yaml(recorder.objects() if recorder is not None else ())


def _check_writable(path: Path) -> None:
    """What was recorded must not be lost at the end. Raises Failure."""
    try:
        path.touch()
    except OSError as error:
        raise Failure(
            f"{path} cannot be written: {error.strerror}. Name another file with --record-permissions"
        ) from None


def start_text(url: str, certs_dir: Path) -> str:
    """What one wants to know next: where it is, and three lines to paste into another terminal."""
    directory = certs_dir.resolve()
    ca, token, kubeconfig = (shlex.quote(str(directory / name)) for name in ("ca.crt", "admin.token", KUBECONFIG))
    return (
        f"fakekube serves on {url} until Ctrl-C. In another terminal:\n"
        "\n"
        f"  export KUBECONFIG={kubeconfig}\n"
        f'  curl --cacert {ca} -H "Authorization: Bearer $(cat {token})" {url}/version\n'
        "  kubectl get namespaces\n"
    )


def _check_seeds(seeds: Sequence[Path]) -> None:
    """Unreadable seeds are told before anything is listened on."""
    from fakekube import seeding

    try:
        seeding.read(seeds)
    except seeding.SeedError as error:
        raise Failure(str(error)) from None


def _first_address(service_cidr: str) -> str:
    """The address of the Service `kubernetes`: the first of the range."""
    import ipaddress

    try:
        network = ipaddress.ip_network(service_cidr, strict=False)
    except ValueError:
        raise Failure(
            f"--service-cidr {service_cidr!r} is not a range of addresses: expected one as 10.96.0.0/16"
        ) from None
    if network.num_addresses < 4:
        raise Failure(
            f"--service-cidr {service_cidr!r} has no room for services: expected at least 4 addresses, as in /30"
        )
    return str(network[1])


def _write_kubeconfig(certificates: Certificates, certs_dir: Path, url: str) -> None:
    from fakekube.server.certificates import write_secret
    from fakekube.server.kubeconfig import kubeconfig, to_yaml

    write_secret(certs_dir / KUBECONFIG, to_yaml(kubeconfig(url, certificates.ca.certificate, certificates.admin)))


@main.command(name="kubeconfig")
@_CERTS_DIRECTORY_OPTION
@click.option(
    "--server",
    metavar="URL",
    show_envvar=True,
    help="Where the server is.  [default: where it was served last, else port 6443]",
)
@click.option("--user", show_envvar=True, help="For this user.  [default: kubernetes-admin]")
@click.option("--group", multiple=True, show_envvar=True, help="With --user: a group of that user. Repeatable.")
@click.option(
    "--token", is_flag=True, show_envvar=True, help="With the administrator's token instead of a client certificate."
)
@click.option("--namespace", "-n", show_envvar=True, help="The namespace of the context.")
def print_kubeconfig(
    certs_dir: Path, server: str | None, user: str | None, group: tuple[str, ...], token: bool, namespace: str | None
) -> None:
    """Print a kubeconfig with certificates inline, for the administrator or any other user.

    A user needs no account: whoever the authority signs for is known by name and groups.
    """
    from fakekube.server.certificates import ADMINISTRATOR, Certificates
    from fakekube.server.kubeconfig import kubeconfig, server_of, to_yaml

    if group and user is None:
        raise Failure("--group needs --user: the administrator is in system:masters")
    if token and user is not None:
        raise Failure("--token is the administrator's: leave out --user")
    with _reported():
        certificates = Certificates.load_or_create(certs_dir)
        url = server or server_of(certs_dir / KUBECONFIG) or "https://127.0.0.1:6443"
        credential: KeyPair | str = certificates.admin if user is None else certificates.client(user, group)
        if token:
            credential = certificates.admin_token
        config = kubeconfig(
            url, certificates.ca.certificate, credential, user=user or ADMINISTRATOR, namespace=namespace
        )
    click.echo(to_yaml(config), nl=False)


def _server_options(command: Any) -> Any:
    """Which server the commands that are clients talk to."""
    for option in (
        click.option("--certs-dir", type=click.Path(path_type=Path), show_envvar=True,
                     help="Take the kubeconfig of this directory.  [default: $KUBECONFIG, else certs]"),
        click.option("--kubeconfig", type=click.Path(path_type=Path), show_envvar=True, help="Take this kubeconfig."),
    ):  # fmt: skip
        command = option(command)
    return command


def endpoint_of(kubeconfig: Path | None, certs_dir: Path | None) -> Endpoint:
    """Raises KubeconfigError."""
    from fakekube.server.kubeconfig import chosen

    return chosen(kubeconfig, certs_dir)


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    show_envvar=True,
    help="0 takes any free one.",
)
@_server_options
def proxy(port: int, certs_dir: Path | None, kubeconfig: Path | None) -> None:
    """Forward plain HTTP on localhost to the server, with the kubeconfig's credentials, as kubectl proxy does."""
    import asyncio
    import signal

    from fakekube.server.proxy import Proxy
    from fakekube.server.run import ListenError

    async def forward() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(lambda: click.echo(f"Starting to serve on 127.0.0.1:{server.port}"))

    with _reported():
        endpoint = endpoint_of(kubeconfig, certs_dir)
        try:
            server = Proxy(endpoint, port=port)
        except ListenError as error:
            raise Failure(str(error)) from None
        asyncio.run(forward())


_NAMESPACE_OPTION = click.option("--namespace", "-n", show_envvar=True, help="[default: the kubeconfig's]")
_FILES_OPTION = click.option(
    "--filename",
    "-f",
    multiple=True,
    metavar="FILE|DIR|-",
    show_envvar=True,
    help="Manifests; - is stdin. Repeatable.",
)


@main.command()
@_FILES_OPTION
@_NAMESPACE_OPTION
@_server_options
def apply(filename: tuple[str, ...], namespace: str | None, certs_dir: Path | None, kubeconfig: Path | None) -> None:
    """Create the objects of manifests; change those that exist by merging the manifest into them.

    Fields that a manifest no longer names stay as they are; use kubectl where that matters.
    """
    from fakekube.remote import Remote, RemoteError

    failed = False
    with _reported():
        manifests = _manifests(filename)
        with Remote(endpoint_of(kubeconfig, certs_dir)) as remote:
            for manifest in manifests:
                try:
                    click.echo(_apply(remote, manifest.object, namespace))
                except RemoteError as error:
                    failed = True
                    Failure(f"{_refusal(error)} ({manifest})").show()
    if failed:
        sys.exit(1)


def _apply(remote: Remote, manifest: dict[str, Any], namespace: str | None) -> str:
    """One object; what was done, as kubectl says it."""
    from fakekube.remote import RemoteError

    resource = remote.of_manifest(manifest)
    where = _namespace_of(remote, resource, manifest, namespace)
    name = manifest["metadata"].get("name")
    query = {"fieldManager": "fakekube", "fieldValidation": "Strict"}
    before = None
    if name is not None:
        try:
            before = remote.ask("GET", resource.path(where, name))
        except RemoteError as error:
            if error.reason != "NotFound":
                raise
    if before is None:
        made = remote.ask("POST", resource.path(where), query=query, body=manifest)
        return f"{resource.qualified_kind}/{made['metadata']['name']} created"
    after = remote.ask(
        "PATCH", resource.path(where, name), query=query, body=manifest, content_type="application/merge-patch+json"
    )
    changed = after["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
    return f"{resource.qualified_kind}/{name} {'configured' if changed else 'unchanged'}"


@main.command()
@click.argument("what", nargs=-1, required=True, metavar="KIND[/NAME] [NAME...]")
@_NAMESPACE_OPTION
@click.option("--all-namespaces", "-A", is_flag=True, show_envvar=True)
@click.option("--selector", "-l", show_envvar=True, help="Labels, as in app=web.")
@click.option("--output", "-o", type=click.Choice(["wide", "name", "yaml", "json"]), show_envvar=True)
@_server_options
def get(
    what: tuple[str, ...],
    namespace: str | None,
    all_namespaces: bool,
    selector: str | None,
    output: str | None,
    certs_dir: Path | None,
    kubeconfig: Path | None,
) -> None:
    """Print objects: the server's table, or the objects themselves with -o yaml or -o json."""
    from fakekube.remote import Remote

    with _reported(), Remote(endpoint_of(kubeconfig, certs_dir)) as remote:
        resource, names = _resource_and_names(remote, what)
        where = None if all_namespaces or not resource.namespaced else namespace or remote.endpoint.namespace
        if names and all_namespaces:
            raise Failure("a name is of one namespace: give -n NAMESPACE instead of -A")
        query = {"labelSelector": selector} if selector else {}
        paths = [resource.path(where, name) for name in names] or [resource.path(where)]
        if output in ("yaml", "json", "name"):
            answers = [remote.ask("GET", path, query=query) for path in paths]
            _print_objects(resource, answers, bool(names), str(output))
            return
        tables = [remote.ask("GET", path, query=query, accept=_TABLE) for path in paths]
        rows = [row for table in tables for row in table.get("rows") or ()]
        if not rows:
            click.echo(f"No resources found in {where} namespace." if where else "No resources found", err=True)
            return
        for line in table_lines(
            tables[0]["columnDefinitions"],
            rows,
            wide=output == "wide",
            with_namespace=all_namespaces and resource.namespaced,
        ):
            click.echo(line)


_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def table_lines(
    columns: Sequence[dict[str, Any]],
    rows: Sequence[dict[str, Any]],
    *,
    wide: bool = False,
    with_namespace: bool = False,
) -> list[str]:
    """A server-side Table as kubectl prints it: columns of priority 0 (with `wide` all), three blanks apart."""
    shown = [number for number, column in enumerate(columns) if wide or not column.get("priority")]
    lines = [[columns[number]["name"].upper() for number in shown]]
    lines += [[_cell(row["cells"][number]) for number in shown] for row in rows]
    if with_namespace:
        lines[0].insert(0, "NAMESPACE")
        for line, row in zip(lines[1:], rows, strict=True):
            line.insert(0, row["object"]["metadata"].get("namespace", ""))
    widths = [max(len(line[number]) for line in lines) for number in range(len(lines[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _cell(value: Any) -> str:
    """As Go's %v; a line break ends what a table shows of a text."""
    if value is None:
        return "<none>"
    if isinstance(value, bool):
        return "true" if value else "false"
    first, _, rest = str(value).partition("\n")
    return f"{first}..." if rest else first


def _print_objects(resource: Resource, answers: Sequence[dict[str, Any]], named: bool, output: str) -> None:
    objects: list[dict[str, Any]] = list(answers)
    if not named:
        # Items of a list are without kind and apiVersion of their own.
        objects = [
            {"apiVersion": resource.group_version, "kind": resource.kind, **item}
            for item in answers[0].get("items") or ()
        ]
    for one in objects:
        one.get("metadata", {}).pop("managedFields", None)
    if output == "name":
        for one in objects:
            click.echo(f"{resource.qualified_kind}/{one['metadata']['name']}")
        return
    document: dict[str, Any] = objects[0]
    if not named or len(objects) > 1:
        document = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": objects}
    if output == "json":
        import json

        click.echo(json.dumps(document, indent=4, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(document, allow_unicode=True, default_flow_style=False), nl=False)


@main.command()
@click.argument("what", nargs=-1, metavar="[KIND[/NAME] [NAME...]]")
@_FILES_OPTION
@_NAMESPACE_OPTION
@click.option(
    "--wait/--no-wait", default=True, show_default=True, show_envvar=True, help="Return when the objects are gone."
)
@_server_options
def delete(
    what: tuple[str, ...],
    filename: tuple[str, ...],
    namespace: str | None,
    wait: bool,
    certs_dir: Path | None,
    kubeconfig: Path | None,
) -> None:
    """Delete objects by kind and name, or those of manifests."""
    from fakekube.remote import Remote, RemoteError

    if bool(what) == bool(filename):
        raise Failure("what is to be deleted? Give a kind and names, as in `fakekube delete pod web`, or -f FILE")
    failed = False
    with _reported():
        manifests = _manifests(filename) if filename else []
        with Remote(endpoint_of(kubeconfig, certs_dir)) as remote:
            targets: list[tuple[Resource, str | None, str]] = []
            for manifest in manifests:
                resource = remote.of_manifest(manifest.object)
                where = _namespace_of(remote, resource, manifest.object, namespace)
                targets.append((resource, where, manifest.object["metadata"].get("name", "")))
            if what:
                resource, names = _resource_and_names(remote, what)
                if not names:
                    raise Failure(f"which {resource.name}? Give names, as in `fakekube delete {resource.singular} web`")
                here = (namespace or remote.endpoint.namespace) if resource.namespaced else None
                targets = [(resource, here, name) for name in names]
            deleted = []
            for resource, where, name in targets:
                try:
                    answer = remote.ask("DELETE", resource.path(where, name))
                except RemoteError as error:
                    failed = True
                    Failure(_refusal(error)).show()
                    continue
                suffix = f" from {where} namespace" if where else ""
                click.echo(f'{resource.qualified_kind} "{name}" deleted{suffix}')
                deleted.append((resource.path(where, name), _uid(answer)))
            if wait:
                _wait_until_gone(remote, deleted)
    if failed:
        sys.exit(1)


def _uid(answer: Any) -> str | None:
    """Of the object itself or of the Status that names it."""
    holder = answer.get("details") if answer.get("kind") == "Status" else answer.get("metadata")
    return (holder or {}).get("uid")


def _wait_until_gone(remote: Remote, deleted: Sequence[tuple[str, str | None]]) -> None:
    import time

    from fakekube.remote import RemoteError

    deadline = time.monotonic() + DELETE_TIMEOUT_S
    for path, uid in deleted:
        while True:
            try:
                found = remote.ask("GET", path)
            except RemoteError as error:
                if error.code == 404:
                    break
                raise
            if uid is not None and found["metadata"].get("uid") != uid:
                break
            if time.monotonic() > deadline:
                finalizers = ", ".join(found["metadata"].get("finalizers", ())) or "none"
                raise Failure(f"{path} is still there after {DELETE_TIMEOUT_S:.0f} s; its finalizers: {finalizers}")
            time.sleep(DELETE_POLL_S)


def _manifests(files: Sequence[str]) -> list[Manifest]:
    from fakekube import seeding

    if not files:
        raise Failure("which manifests? Give -f FILE, -f DIR or -f -")
    manifests: list[Manifest] = []
    for file in files:
        manifests += seeding.parse(Path("-"), sys.stdin.read()) if file == "-" else seeding.read([file])
    return seeding.ordered(manifests)


def _namespace_of(remote: Remote, resource: Resource, manifest: dict[str, Any], asked: str | None) -> str | None:
    if not resource.namespaced:
        return None
    own: str | None = manifest["metadata"].get("namespace")
    if own and asked and own != asked:
        raise Failure(f'the namespace from the provided object "{own}" does not match the namespace "{asked}". '
                      f"You must pass '--namespace={own}' to perform this operation.")  # fmt: skip
    return own or asked or remote.endpoint.namespace


def _resource_and_names(remote: Remote, what: Sequence[str]) -> tuple[Resource, list[str]]:
    """`pod web`, `pods web other`, `pod/web`."""
    kind, slash, name = what[0].partition("/")
    names = [name] if slash else []
    for other in what[1:]:
        other_kind, other_slash, other_name = other.partition("/")
        if bool(other_slash) != bool(slash) or (slash and other_kind != kind):
            raise Failure("give one kind and its names, as in `pod web db` or `pod/web pod/db`")
        names.append(other_name if slash else other)
    return remote.find(kind), names


def _refusal(error: Exception) -> str:
    """A refusal as kubectl prints it; what no server said stays as it is."""
    reason = getattr(error, "reason", "")
    return f"Error from server ({reason}): {error}" if reason else str(error)


class _Passed(click.Command):
    """A command that reads its command line itself, see `in_pod.commands`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> NoReturn:
        from fakekube.in_pod import commands

        assert self.name is not None
        sys.exit(commands.main([self.name, *ctx.args]))


for _command in COMMANDS.values():
    main.add_command(_Passed(_command.name, short_help=_command.summary, add_help_option=False))
