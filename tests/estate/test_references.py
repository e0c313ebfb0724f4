"""Everything that a Pod takes from other objects is named, with its place."""

from pathlib import Path

from fairway.estate.read import read
from fairway.estate.references import references

TEXT = """\
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec:
  serviceAccountName: runner
  imagePullSecrets: [{name: registry}]
  initContainers:
    - {name: setup, envFrom: [{secretRef: {name: setup, optional: true}}]}
  containers:
    - name: main
      envFrom: [{configMapRef: {name: settings}}]
      env:
        - {name: A, valueFrom: {secretKeyRef: {name: keys, key: a}}}
        - {name: B, valueFrom: {configMapKeyRef: {name: more, key: b}}}
        - {name: C, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  volumes:
    - {name: c, configMap: {name: files}}
    - {name: s, secret: {secretName: certificate}}
    - {name: p, persistentVolumeClaim: {claimName: disk}}
    - {name: x, projected: {sources: [{secret: {name: token}}, {configMap: {name: ca}}]}}
    - {name: e, emptyDir: {}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
"""


def test_every_way_to_name_another_object_is_followed(tmp_path: Path) -> None:
    """Variables and files, of init containers too; what is there is found, in the same namespace."""
    (tmp_path / "a.yaml").write_text(TEXT)
    estate = read([tmp_path])
    (workload,) = estate.workloads
    named = list(references(workload))
    assert [(r.kind, r.name, r.node.line_of(r.key)) for r in named] == [
        ("ServiceAccount", "runner", 5),
        ("Secret", "registry", 6),
        ("ConfigMap", "settings", 11),
        ("Secret", "keys", 13),
        ("ConfigMap", "more", 14),
        ("Secret", "setup", 8),
        ("ConfigMap", "files", 17),
        ("Secret", "certificate", 18),
        ("PersistentVolumeClaim", "disk", 19),
        ("Secret", "token", 20),
        ("ConfigMap", "ca", 20),
    ]
    assert [r.name for r in named if r.mounted] == ["files", "certificate", "disk", "token", "ca"]
    assert [r.name for r in named if r.optional] == ["setup"]
    there = [r.name for r in named if estate.find(r.kind, workload.namespace, r.name, workload.resource)]
    assert there == ["settings"]
