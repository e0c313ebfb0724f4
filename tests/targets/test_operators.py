"""The page of a site names the operators that its objects need, and no other."""

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import OPERATORS
from fairway.core.operators import OPERATORS as TABLE
from fairway.core.operators import RELOADED, needed
from fairway.targets.kubernetes.operators import page

SITE = Site(environment="production", region="eu")


def manifest(api_version: str, kind: str, name: str = "it") -> Manifest:
    """Build an object."""
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
    return Manifest(path=f"platform/{kind.lower()}-{name}.yaml", object=obj, rule="routing/mesh")


def test_only_what_is_used_is_named_with_what_it_must_serve() -> None:
    """A reader installs these and nothing else."""
    text = page(SITE, [manifest("cert-manager.io/v1", "Certificate"), manifest("apps/v1", "Deployment")])
    assert "| cert-manager |" in text
    assert "Certificate of `cert-manager.io/v1`" in text
    assert "Istio" not in text
    assert f"kubectl label --overwrite namespace cert-manager {OPERATORS}=" in text


def test_two_operators_of_one_group_are_told_apart_by_kind() -> None:
    """Argo CD and Argo Rollouts share a group."""
    rollouts = page(SITE, [manifest("argoproj.io/v1alpha1", "Rollout")])
    assert "| Argo Rollouts |" in rollouts
    assert "| Argo CD |" not in rollouts


def test_a_site_without_custom_objects_needs_nobody() -> None:
    """And says so."""
    assert "None" in page(SITE, [manifest("v1", "Service"), manifest("networking.k8s.io/v1", "NetworkPolicy")])


def test_what_a_cluster_may_lack_is_named_where_an_object_needs_it() -> None:
    """An autoscaler without metrics stays where it is, and says nothing to whoever does not ask."""
    text = page(SITE, [manifest("autoscaling/v2", "HorizontalPodAutoscaler"), manifest("cert-manager.io/v1", "Issuer")])
    assert "The metrics server" in text
    assert "network plugin" not in text
    assert "network plugin" in page(SITE, [manifest("networking.k8s.io/v1", "NetworkPolicy")])
    old = manifest("apps/v1", "Deployment")
    assert "Reloader" not in page(SITE, [old])
    old.object["metadata"]["annotations"] = {RELOADED: "urls"}
    assert "Reloader" in page(SITE, [old])


def test_a_kind_that_nobody_acts_on_is_said_to_be_so() -> None:
    """An object that nothing reads is a promise that nobody keeps."""
    assert needed([("example.com", "Widget")]) == ((), (("example.com", "Widget"),))
    assert "Nobody in this table acts on Widget of example.com." in page(SITE, [manifest("example.com/v1", "Widget")])


def test_a_namespace_that_the_tree_makes_is_not_labelled_by_hand() -> None:
    """The next apply would take a label away that is not in its file."""
    objects = [manifest("getambassador.io/v3alpha1", "Host"), manifest("v1", "Namespace", "gateway")]
    assert "kubectl label --overwrite namespace gateway" not in page(SITE, objects)


def test_the_table_is_in_order_and_names_no_address() -> None:
    """By name, so that a line is found; where charts come from is the reader's business."""
    names = [operator.name.lower() for operator in TABLE]
    assert names == sorted(names)
    assert not any("://" in str(operator) for operator in TABLE)
