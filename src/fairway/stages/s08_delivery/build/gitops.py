"""What Argo CD deploys: one application for each environment and region, and the order within each."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core import by_hand
from fairway.core.artefact import Page
from fairway.core.cluster import DELIVERY
from fairway.core.profile import Landscape, regions_of
from fairway.yaml.writer import write_documents

RULE: Final = "delivery/automated-rollback"
BRANCH: Final = "released"
REPOSITORY: Final = "fairway.dev/repository"
FOLDER: Final = "fairway.dev/folder"
ENVIRONMENT: Final = "fairway.dev/environment"
REGION: Final = "fairway.dev/region"
# What Argo Rollouts and people move while it runs; a sync leaves it alone.
MOVED: Final[tuple[dict[str, Any], ...]] = (
    {"group": "networking.istio.io", "kind": "VirtualService", "jqPathExpressions": [".spec.http[].route[].weight"]},
    {
        "group": "networking.istio.io",
        "kind": "DestinationRule",
        "jqPathExpressions": ['.spec.subsets[].labels["rollouts-pod-template-hash"]'],
    },
    {
        "group": "gateway.networking.k8s.io",
        "kind": "HTTPRoute",
        "jqPathExpressions": [".spec.rules[].backendRefs[].weight"],
    },
    {"group": "apps", "kind": "StatefulSet", "jsonPointers": ["/spec/updateStrategy/rollingUpdate/partition"]},
)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the project and the set of applications, and how clusters are made known."""
    objects = [_project(landscape), _applications(landscape)]
    yield Page(path="gitops/argocd.yaml", rule=RULE, text=write_documents(objects))
    yield Page(path="gitops/README.md", rule=RULE, text=_readme(landscape))


def sites(landscape: Landscape) -> list[tuple[str, str]]:
    """Give every environment with each of its regions, least important first: production comes last."""
    system = landscape.system
    found = [
        (name, region)
        for name, environment in system.environments.items()
        for region in environment.regions or tuple(system.regions)
    ]
    return sorted(found, key=lambda site: site[0] == "production")


def _project(landscape: Landscape) -> dict[str, Any]:
    """Let the applications of this system deploy what they need, to clusters that are made known."""
    every = [{"group": "*", "kind": "*"}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": _described(landscape),
        "spec": {
            "description": f"The system {landscape.system.system}, from what fairway builds",
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": every,
        },
    }


def _applications(landscape: Landscape) -> dict[str, Any]:
    system = landscape.system.system
    name = f"{system}-{{{{.values.environment}}}}-{{{{.values.region}}}}"
    folder = f'{{{{dig "annotations" "{FOLDER}" "deploy" .metadata}}}}/{{{{.values.path}}}}'
    template = {
        "metadata": {
            "name": name,
            "labels": {ENVIRONMENT: "{{.values.environment}}", REGION: "{{.values.region}}"},
        },
        "spec": {
            "project": system,
            "source": {
                "repoURL": f'{{{{index .metadata.annotations "{REPOSITORY}"}}}}',
                "targetRevision": BRANCH,
                "path": folder,
            },
            "destination": {"server": "{{.server}}", "namespace": system},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                # An old version needs its ConfigMap until the new one is healthy, and when it is gone back to.
                "syncOptions": ["PruneLast=true", "RespectIgnoreDifferences=true", "ServerSideApply=true"],
                "retry": {"limit": 5, "backoff": {"duration": "30s", "factor": 2, "maxDuration": "10m"}},
            },
            "ignoreDifferences": list(MOVED),
            "revisionHistoryLimit": 5,
        },
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": _described(landscape),
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [_cluster(*site) for site in sites(landscape)],
            "strategy": {
                "type": "RollingSync",
                "rollingSync": {"steps": [_step(*site) for site in sites(landscape)]},
            },
            "syncPolicy": {"preserveResourcesOnDeletion": True},
            "template": template,
        },
    }


def _cluster(environment: str, region: str) -> dict[str, Any]:
    """Find the cluster of one site by its labels."""
    values = {"environment": environment, "region": region, "path": f"{environment}/{region}"}
    return {"clusters": {"selector": {"matchLabels": {ENVIRONMENT: environment, REGION: region}}, "values": values}}


def _step(environment: str, region: str) -> dict[str, Any]:
    """Wait until one site is healthy before the next is touched."""
    asked = ((ENVIRONMENT, environment), (REGION, region))
    return {"matchExpressions": [{"key": key, "operator": "In", "values": [value]} for key, value in asked]}


def _described(landscape: Landscape) -> dict[str, Any]:
    system = landscape.system.system
    labels = {"app.kubernetes.io/part-of": system, "app.kubernetes.io/managed-by": "fairway"}
    return {"name": system, "namespace": DELIVERY, "labels": labels}


def _readme(landscape: Landscape) -> str:
    system = landscape.system.system
    known = "\n".join(
        f"    argocd cluster add CONTEXT-OF-{environment.upper()}-{region.upper()} \\\n"
        f"      --label {ENVIRONMENT}={environment} --label {REGION}={region} --annotation {REPOSITORY}=URL"
        for environment, region in sites(landscape)
    )
    several = len(regions_of(landscape.system)) > 1
    order = "one region after the other, " if several else ""
    return f"""# Deploy with Argo CD

Argo CD deploys what is on the branch `{BRANCH}`, which the pipeline moves when a change has passed everything.

## Once

1. Make each cluster known, with the URL of the repository that these facts are in; where this tree is not in deploy/,
   add `--annotation {FOLDER}=FOLDER`:

{known}

2. `kubectl apply --filename deploy/gitops/argocd.yaml` where Argo CD runs.

The order between sites needs progressive syncs (`applicationsetcontroller.enable.progressive.syncs: "true"`).

## What happens then

Environments follow one another, {order}production last; a site that is not healthy stops those after it. Within one:

1. Namespaces, accounts, policies, secrets, stores and observability.
2. Migrations, each with a user of its own.
3. Workloads, when their migrations have ended well.
4. Public routes, when what they lead to is healthy.

Weights that a release moves, and the partition of a StatefulSet, are left alone by a sync.

A site is healthy when its releases have ended: one that waits because too few requests met the new version (in staging,
or in a region that stands by) holds those after it, until a person lets it go on (runbooks/release-*.md).

Stores, and what stands above the regions, are never deleted by a sync: a person deletes what is built no more.

## Hold still

While people repair or restore something, nothing is deployed, for a day at most; the second command ends that.

    {by_hand.hold(system)}
    {by_hand.let_go(system)}

## Go back

Argo Rollouts takes a bad version back by itself, in the cluster. Git still has it: `git revert` the change and push it
through the pipeline, or the next sync tries it again. `kubectl -n {DELIVERY} get applications` tells how {system} is.
"""
