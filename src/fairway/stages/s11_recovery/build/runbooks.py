"""Runbooks of recovery: one for each scenario that is tried every quarter, and what a person attests."""

from collections.abc import Callable, Iterator
from typing import Final

from fairway.core import by_hand
from fairway.core.artefact import Page
from fairway.core.cluster import CONTROL_PLANE, ENTRANCE, GATEWAY
from fairway.core.profile import Landscape
from fairway.core.wording import listed
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build import above, control_plane
from fairway.stages.s11_recovery.build.objects import regions, widest
from fairway.stages.s11_recovery.build.simulations import RULE, page_of

AFTER: Final = """## After

Write the evidence: [what a file says](recovery-evidence.md).
"""


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write a page for each scenario that applies."""
    for scenario in decisions.simulation(landscape).value.scenarios:
        yield Page(path=page_of(scenario), text=f"{WRITTEN[scenario](landscape)}\n{AFTER}", rule=RULE)
    decided = decisions.control_plane(landscape)
    if decided is not None and decided.value.attested:
        yield Page(path="attestations/control-plane.md", text=_attestation(landscape), rule=control_plane.RULE)
    if decided is not None and not decided.value.attested:
        yield Page(path="runbooks/control-plane.md", text=_own_control_plane(landscape), rule=control_plane.RULE)
    if (text := above.page(landscape)) is not None:
        yield Page(path="runbooks/global-load-balancer.md", text=text, rule="recovery/global-load-balancing")


def _rebuild(landscape: Landscape) -> str:
    system, environment = landscape.system.system, widest(landscape)
    region = regions(landscape, environment)[0]
    return f"""# Rebuild everything

Everything but data is in this repository, in the secrets manager and in the registry. Try it on an empty cluster
beside the running ones, never over one of them. SITE below is `deploy/{environment}/{region}`, or another site.

1. The tree is what the facts give, and keeps the standard:

       fairway build --check
       fairway check deploy/

2. Install what the site's objects are made for:
   [SITE/platform/operators.md](../{environment}/{region}/platform/operators.md).
3. Apply the site, three times at most: what refers to something that is not there yet is taken the next time.

       kubectl apply --server-side --kustomize deploy/{environment}/{region}

4. Secrets are there, then the stores, then the services:

       kubectl --namespace {system} wait externalsecrets --all --for=condition=Ready --timeout=10m
       kubectl --namespace {system} get pods --watch
       kubectl --namespace {system} wait deployments --all --for=condition=Available --timeout=15m
{_released(landscape)}
5. Bring data back where the cluster is to serve: [restore](recovery-restore.md).
"""


def _released(landscape: Landscape) -> str:
    """Wait for what Argo Rollouts replaces: the Deployments that lend their templates have no replicas."""
    if not any(profile.released_in_steps for profile in landscape.services.values()):
        return ""
    healthy = "--for=jsonpath='{.status.phase}'=Healthy"
    kubectl = f"kubectl --namespace {landscape.system.system}"
    return f"       {kubectl} wait rollouts.argoproj.io --all {healthy} --timeout=15m\n"


def _restore(landscape: Landscape) -> str:
    durable = [store for store in landscape.stores.values() if store.durable and store.users]
    stores = "\n".join(
        f"- [{store.name}](restore-{store.name}.md): {decisions.survival(store, landscape).answer}" for store in durable
    )
    disks = "\n".join(
        f"- [{profile.name}, disk {disk}](restore-{profile.name}-{disk}.md)"
        for profile in landscape.services.values()
        for disk in profile.disks
    )
    both = "\n".join(filter(None, (stores, disks))) or "- what a service keeps in its process: start it anew"
    return f"""# Restore data to a moment

Each has a page of its own with the commands. Try one of them each quarter, another one each time, on a copy.

{both}

1. Write down a moment of the last hour, and a row that was written just before it and one just after.
2. Follow the page. The first row must be there, the second must not.
3. Write down how long it took from the first command until a service read the row: that is the real recovery time.
"""


def _region_loss(landscape: Landscape) -> str:
    environment = widest(landscape)
    home, *others = regions(landscape, environment)
    domain = landscape.system.environments[environment].domain
    exposed = any(profile.exposed for profile in landscape.services.values())
    data = any(store.durable and store.users for store in landscape.stores.values())
    taken = "4. If it is to stay away, let the data follow: [another region takes over](data-in-another-region.md).\n"
    if domain is None or not exposed:
        kubectl = f"kubectl --context {home} --namespace {landscape.system.system}"
        every = landscape.services.values()
        body = f"""Nothing outside is sent to a region, so nothing moves by itself. Stop the services of
{home}, and see that those of {listed(others)} go on. Where Argo CD deploys, keep it from starting them again:

{by_hand.indented([by_hand.hold(landscape.system.system), *by_hand.stop(kubectl, every)])}

Bring them back; autoscalers go on from one replica, and what has none gets its number by the next sync:

{by_hand.indented([*by_hand.start(kubectl, every), by_hand.let_go(landscape.system.system)])}
"""
        return f"# Lose a region\n\n{body}"
    balancer = decisions.balancer(landscape)
    within = f" within {balancer.value.failover}" if balancer is not None and balancer.value is not None else ""
    return f"""# Lose a region

{home} is made to look dead from outside; its services go on running. Contexts of kubectl are called as the regions.

1. Ask all the time, from a machine outside, and keep what is printed:

       while sleep 1; do date --utc +%T
         curl --silent --output /dev/null --max-time 3 --write-out '%{{http_code}}\\n' https://{domain}/
       done

2. Take the gateway out of its entrance: no check of {home} succeeds any more. Where Argo CD deploys, keep it from
   mending that:

       {by_hand.hold(landscape.system.system)}
       kubectl --context {home} --namespace {GATEWAY} patch service {ENTRANCE} --type merge \\
         --patch '{{"spec":{{"selector":{{"app.kubernetes.io/name":"nobody"}}}}}}'

3. Answers come from {listed(others)}{within}. Write down the seconds, and how many requests failed.
{taken if data else ""}5. Bring {home} back:

       kubectl --context {home} apply --server-side --force-conflicts \\
         --filename deploy/{environment}/{home}/platform/service-{ENTRANCE}.yaml
       {by_hand.let_go(landscape.system.system)}

If {home} is really gone, begin with step 4, and build it anew: [rebuild](recovery-rebuild.md).
"""


def _control_plane_loss(landscape: Landscape) -> str:
    decided = decisions.control_plane(landscape)
    if decided is None or decided.value.form == "managed":
        return """# Lose a member of the control plane

The provider runs the members, so none can be stopped from here. What can be tried is that the cluster heals:

1. `kubectl get --raw '/readyz?verbose'` says that every part is ready.
2. Delete one Pod of a service and see it replaced:

       kubectl get pods --all-namespaces --selector app.kubernetes.io/managed-by=fairway
       kubectl --namespace NAMESPACE delete pod POD
       kubectl --namespace NAMESPACE get pods --watch

3. Renew the [attestation](../attestations/control-plane.md).
"""
    return f"""# Lose a member of the control plane

1. All members are there, and one leads:

       kubectl get nodes --selector {control_plane.MEMBER}=
       kubectl get --raw '/readyz?verbose'

2. Switch the machine of one member off.
3. Delete one Pod of a service, and see it replaced within two minutes:

       kubectl --namespace {landscape.system.system} delete pod POD
       kubectl --namespace {landscape.system.system} get pods --watch

4. A snapshot is still taken, and reaches the bucket:

       kubectl --namespace {CONTROL_PLANE} create job by-hand --from=cronjob/{control_plane.SNAPSHOTS}
       kubectl --namespace {CONTROL_PLANE} wait job by-hand --for=condition=Complete --timeout=15m
       kubectl --namespace {CONTROL_PLANE} delete job by-hand

5. Switch the machine on again. To bring back a cluster that lost all members: [control plane](control-plane.md).
"""


WRITTEN: Final[dict[str, Callable[[Landscape], str]]] = {
    "rebuild": _rebuild,
    "restore": _restore,
    "region-loss": _region_loss,
    "control-plane-loss": _control_plane_loss,
}


def _attestation(landscape: Landscape) -> str:
    clusters = "\n".join(
        f"| {name} | {region} | {landscape.system.regions[region].cloud} | | | |"
        for name in landscape.system.environments
        for region in regions(landscape, name)
    )
    return f"""# Attestation: the control plane of {landscape.system.system}

The provider runs the control plane, so no file and no drill can show that it survives the loss of a zone. A person
looks, signs by a signed commit of a copy of this page as `evidence/<day>-control-plane-loss.md`, and does so again
every quarter.

| Environment | Region | Cloud | Cluster | Regional, over three zones (yes or no) | Where that is seen |
| --- | --- | --- | --- | --- | --- |
{clusters}

- The provider's promise for the API server, in percent, and where it is written:
- Who may delete the cluster, and whether deletion is locked:
- How it was seen that a lost Pod is replaced ([runbook](../runbooks/recovery-control-plane-loss.md)):

Name, day:
"""


SIGNED: Final = """\
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout snapshots.key \\
      -subj /CN=snapshots -out snapshots.csr
    openssl x509 -req -in snapshots.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out snapshots.crt
"""


def _own_control_plane(landscape: Landscape) -> str:
    decided = decisions.control_plane(landscape)
    assert decided is not None
    environment = widest(landscape)
    region = regions(landscape, environment)[0]
    system = landscape.system.system
    host = control_plane.endpoint(landscape, environment, region)
    folder = f"deploy/control-plane/{environment}/{region}"
    if decided.value.form == "kubeadm":
        made = f"""Three machines in three zones, and a TCP load balancer in front of their port 6443 under the
name of the site, as `{host}`.

    kubeadm init --upload-certs --config {folder}/cluster-configuration.yaml

It prints the command for the other two (`kubeadm join ... --control-plane`). All three are there when
`kubectl get nodes --selector {control_plane.MEMBER}=` lists them as Ready.

## Certificates of the snapshots

    cd /etc/kubernetes/pki/etcd
{SIGNED}"""
    else:
        cloud = landscape.system.regions[region].cloud
        kind = control_plane.PROVIDERS[cloud]
        made = f"""The objects in `{folder}/` are applied to the cluster that manages clusters, in namespace
`{system}`. The provider's own objects, `{kind}Cluster` and `{kind}MachineTemplate`, say which
network and machines; they are called as the objects here refer to them, and are yours: no fact says what your network
is like.

    kubectl apply --server-side --filename {folder}/
    clusterctl describe cluster {system}-{environment}-{region} --namespace {system}

## Certificates of the snapshots

The authority of etcd is the Secret `{system}-{environment}-{region}-etcd` of the managing cluster.
Take its `tls.crt` as ca.crt, its `tls.key` as ca.key:

{SIGNED}"""
    return f"""# The control plane

## Set up

{made}
Put `ca.crt`, `snapshots.crt` and `snapshots.key` into the secrets manager, as `etcd-ca.crt`, `etcd-tls.crt` and
`etcd-tls.key` of the owner `{CONTROL_PLANE}`, and remove the files. They end after a year: renew them before.

## Bring a lost cluster back

1. Fetch the newest snapshot from the folder `etcd` of the site's bucket of backups, to the first member.
2. Stop what reads the store: `mv /etc/kubernetes/manifests /etc/kubernetes/manifests.stopped` on every member.
3. On each member, with its own name and address:

       etcdutl snapshot restore SNAPSHOT.db --data-dir /var/lib/etcd-restored --name MEMBER \\
         --initial-cluster MEMBER=https://ADDRESS:2380,... --initial-advertise-peer-urls https://ADDRESS:2380
       mv /var/lib/etcd /var/lib/etcd.lost && mv /var/lib/etcd-restored /var/lib/etcd

4. Start it again: `mv /etc/kubernetes/manifests.stopped /etc/kubernetes/manifests`, then `kubectl get nodes`.
5. Apply the site: what changed after the snapshot is in this repository.
"""
