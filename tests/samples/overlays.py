"""A base and overlays that use all that Kustomize can do, as files by name."""

from textwrap import dedent

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {tier: front}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
        - name: main
          image: acme/web:1.0
          env:
            - {name: A, value: "1"}
            - {name: B, valueFrom: {configMapKeyRef: {name: settings, key: b}}}
          envFrom: [{secretRef: {name: token}}]
          ports: [{containerPort: 80, name: http}]
        - {name: side, image: "acme/side@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
      volumes: [{name: v, configMap: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 3}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}, {kind: ServiceAccount, name: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: []
---
apiVersion: acme.example/v1
kind: Thing
metadata: {name: web}
spec: {containers: [{name: c, image: acme/web:1.0}], list: [{name: a}, {name: b}]}
"""
BASE = """\
resources: [web.yaml]
configMapGenerator:
  - {name: settings, literals: [a=1, 'b="two"'], files: [extra.txt, renamed=extra.txt], envs: [some.env]}
secretGenerator:
  - {name: token, literals: [t=hidden], type: Opaque}
generatorOptions: {disableNameSuffixHash: true, labels: {made: "yes"}}
"""
FILES = {
    "base/kustomization.yaml": BASE,
    "base/web.yaml": WEB,
    "base/extra.txt": "some text\n",
    "base/some.env": "# a comment\nX=1\nY=a=b\n",
}
OVERLAYS = {
    "names": "resources: [../base]\nnamePrefix: dev-\nnameSuffix: -x\nnamespace: dev\n",
    "labels": """\
        resources: [../base]
        commonLabels: {team: shop}
        commonAnnotations: {note: here}
        labels:
          - {pairs: {only: top}}
          - {pairs: {all: over}, includeSelectors: true}
          - {pairs: {in: pods}, includeTemplates: true}
        """,
    "counts": "resources: [../base]\nreplicas: [{name: web, count: 5}]\n"
    "images: [{name: acme/web, newName: other/web, newTag: '2'}, {name: acme/side, newTag: v3}]\n",
    "digest": "resources: [../base]\nimages: [{name: acme/web, digest: 'sha256:abc'}, {name: acme/side, newName: b}]\n",
    "merge": """\
        resources: [../base]
        patches:
          - patch: |-
              apiVersion: apps/v1
              kind: Deployment
              metadata: {name: web}
              spec:
                template:
                  spec:
                    containers:
                      - name: new
                        image: acme/new:1
                      - name: main
                        env:
                          - {name: C, value: "3"}
                          - {name: B, $patch: delete}
                        resources: {limits: {memory: 1Gi}}
                        ports: [{containerPort: 81}]
                      - {name: side, $patch: delete}
          - patch: |-
              apiVersion: v1
              kind: Service
              metadata: {name: web}
              spec: {selector: {app: null, tier: x}, ports: [{port: 80, name: http}]}
          - patch: |-
              apiVersion: autoscaling/v2
              kind: HorizontalPodAutoscaler
              metadata: {name: web}
              $patch: delete
          - patch: |-
              apiVersion: acme.example/v1
              kind: Thing
              metadata: {name: web}
              spec: {list: [{name: z}], more: {deep: 1}}
        """,
    "replaced": """\
        resources: [../base]
        patches:
          - target: {kind: Deployment}
            patch: |-
              kind: any
              metadata: {name: any}
              spec: {template: {metadata: {labels: {$patch: replace, only: this}}}}
        """,
    "json": """\
        resources: [../base]
        patches:
          - target: {kind: Deployment, name: w.b}
            patch: |-
              - {op: replace, path: /spec/replicas, value: 7}
              - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: D, value: "4"}}
              - {op: add, path: /metadata/annotations, value: {}}
              - {op: add, path: /metadata/annotations/a~1b, value: c}
              - {op: remove, path: /spec/template/spec/volumes}
              - {op: copy, from: /metadata/labels/tier, path: /metadata/labels/copied}
              - {op: test, path: /spec/replicas, value: 7}
          - target: {labelSelector: "tier in (front, back)"}
            patch: '[{"op": "add", "path": "/metadata/labels/hit", "value": "yes"}]'
          - target: {group: "", kind: Service|ServiceAccount}
            patch: '[{"op": "add", "path": "/metadata/labels", "value": {"core": "yes"}}]'
        """,
    "components": """\
        resources: [../base]
        components: [../part]
        patches:
          - path: late.yaml
        """,
    "generated": """\
        resources: [../base]
        configMapGenerator:
          - {name: settings, behavior: merge, literals: [a=9, c=3]}
          - {name: own, literals: [x=y], options: {disableNameSuffixHash: true, annotations: {note: "1"}}}
        generatorOptions: {disableNameSuffixHash: true}
        """,
    "replacements": """\
        resources: [../base]
        replacements:
          - source: {kind: ConfigMap, name: settings, fieldPath: data.a}
            targets:
              - select: {kind: Deployment}
                fieldPaths: ["spec.template.spec.containers.[name=main].env.[name=A].value"]
          - source:
              kind: Deployment
              name: web
              fieldPath: "spec.template.spec.containers.0.image"
              options: {delimiter: ":", index: 0}
            targets:
              - select: {kind: Deployment}
                fieldPaths: [metadata.annotations.image]
                options: {create: true}
        """,
    "legacy": """\
        bases: [../base]
        patchesStrategicMerge:
          - late.yaml
        patchesJson6902:
          - target: {version: v1, kind: Service, name: web}
            path: ports.yaml
        """,
    "twice": "resources: [../names]\nnamePrefix: more-\nnamespace: other\npatches:\n  - patch: |-\n"
    "      {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 4}}\n",
}
PART = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [more.yaml]
patches:
  - patch: '[{"op": "replace", "path": "/spec/replicas", "value": 3}]'
    target: {kind: Deployment}
labels: [{pairs: {part: "yes"}}]
"""
LATE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: main
          image: late/web:9
"""


def overlays() -> dict[str, str]:
    """Give all files."""
    files = {f"{name}/kustomization.yaml": dedent(text) for name, text in OVERLAYS.items()}
    files |= FILES | {"components/late.yaml": LATE, "legacy/late.yaml": LATE, "part/kustomization.yaml": PART}
    files["part/more.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {k: v}\n"
    files["legacy/ports.yaml"] = '[{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]'
    return files
