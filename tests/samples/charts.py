"""A Helm chart with what real charts do, as files by name, and the helm that renders it in tests."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

BESIDE = Path(sys.executable).parent / "helm"  # where scripts/helm_binary.py puts it
HELM = str(BESIDE) if BESIDE.exists() else shutil.which("helm")
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm here: python scripts/helm_binary.py puts one there")

DEPLOYMENT = """\
{{- /* What runs; a comment
  of two lines. */}}
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.name" . }}
  labels:
    {{- include "shop.labels" . | nindent 4 }}
  annotations:
    checksum/settings: {{ include (print $.Template.BasePath "/settings.yaml") . | sha256sum }}
spec:
  {{- if .Values.replicas }}
  replicas: {{ .Values.replicas }}
  {{- else }}
  replicas: 1
  {{- end }}
  selector:
    matchLabels:
      {{- include "shop.labels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "shop.labels" . | nindent 8 }}
    spec:
      containers:
        {{- range .Values.containers }}
        - name: {{ .name }}
          image: {{ .image | quote }}
          {{- with .resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
        {{- end }}
{{- end }}
"""
LABELS = """\
{{- define "shop.name" -}}{{ .Release.Name }}{{- end }}
{{- define "shop.labels" -}}
app: {{ include "shop.name" . }}
{{- end }}
"""
VALUES = """\
enabled: true
containers:
  - {name: first, image: acme/first:1}
  - {name: second, image: acme/second:2, resources: {limits: {memory: 1Gi}}}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  motd: |
    {{ .Values.motd | default "hello" }}
    bye
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "shop.name" . }}
spec:
  selector: {app: shop}
  ports: [{port: 80}]
"""
TRY = """\
apiVersion: v1
kind: Pod
metadata:
  name: try
  annotations: {helm.sh/hook: test}
spec: {containers: [{name: try, image: acme/try}]}
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.acme.example}
spec:
  group: acme.example
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
SHOP: Mapping[str, str] = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": VALUES,
    "templates/_labels.tpl": LABELS,
    "templates/NOTES.txt": "Thanks for {{ .Chart.Name }}.\n",
    "templates/deployment.yaml": DEPLOYMENT,
    "templates/settings.yaml": SETTINGS,
    "templates/tests/try.yaml": TRY,
    "crds/things.yaml": CRD,
}


def lay(folder: Path, files: Mapping[str, str] = SHOP) -> None:
    """Write files into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
