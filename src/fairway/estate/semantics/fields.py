"""Tables of what single fields can hold: names, numbers, parts of a whole; and fields that exclude one another."""

from fairway.estate import names
from fairway.estate.names import NameRule

PORT: tuple[int, int | None] = (1, 65535)
COUNT: tuple[int, int | None] = (0, None)
POSITIVE: tuple[int, int | None] = (1, None)

NAME = {"name": names.DNS_SUBDOMAIN}
CONTAINER = {"name": names.DNS_LABEL}

NAMES: dict[str, dict[str, NameRule]] = {
    "apps.v1.StatefulSetSpec": {"serviceName": names.DNS_SUBDOMAIN},
    "core.v1.ConfigMapEnvSource": NAME,
    "core.v1.ConfigMapKeySelector": {**NAME, "key": names.DATA_KEY},
    "core.v1.ConfigMapProjection": NAME,
    "core.v1.ConfigMapVolumeSource": NAME,
    "core.v1.Container": CONTAINER,
    "core.v1.ContainerPort": {"name": names.PORT_NAME},
    "core.v1.EnvVar": {"name": names.ENVIRONMENT_NAME},
    "core.v1.EphemeralContainer": CONTAINER,
    "core.v1.LocalObjectReference": NAME,
    "core.v1.PersistentVolumeClaimVolumeSource": {"claimName": names.DNS_SUBDOMAIN},
    "core.v1.PodSpec": {
        "hostname": names.DNS_LABEL,
        "nodeName": names.DNS_SUBDOMAIN,
        "priorityClassName": names.DNS_SUBDOMAIN,
        "runtimeClassName": names.DNS_SUBDOMAIN,
        "serviceAccountName": names.DNS_SUBDOMAIN,
        "subdomain": names.DNS_LABEL,
    },
    "core.v1.SecretEnvSource": NAME,
    "core.v1.SecretKeySelector": {**NAME, "key": names.DATA_KEY},
    "core.v1.SecretProjection": NAME,
    "core.v1.SecretVolumeSource": {"secretName": names.DNS_SUBDOMAIN},
    "core.v1.ServicePort": {"name": names.DNS_LABEL},
    "core.v1.ServiceSpec": {"externalName": names.DNS_SUBDOMAIN},
    "core.v1.Volume": {"name": names.DNS_LABEL},
    "meta.v1.LabelSelectorRequirement": {"key": names.LABEL_KEY},
    "meta.v1.ObjectMeta": {"namespace": names.DNS_LABEL},
    "networking.v1.IngressRule": {"host": names.INGRESS_HOST},
    "networking.v1.IngressServiceBackend": {"name": names.DNS_LABEL},
    "networking.v1.IngressSpec": {"ingressClassName": names.DNS_SUBDOMAIN},
    "networking.v1.ServiceBackendPort": {"name": names.PORT_NAME},
}

REPLICAS = {"replicas": COUNT, "minReadySeconds": COUNT, "revisionHistoryLimit": COUNT}

RANGES: dict[str, dict[str, tuple[int, int | None]]] = {
    "apps.v1.DaemonSetSpec": {"minReadySeconds": COUNT, "revisionHistoryLimit": COUNT},
    "apps.v1.DeploymentSpec": {**REPLICAS, "progressDeadlineSeconds": COUNT},
    "apps.v1.ReplicaSetSpec": {"replicas": COUNT, "minReadySeconds": COUNT},
    "apps.v1.RollingUpdateStatefulSetStrategy": {"partition": COUNT},
    "apps.v1.StatefulSetSpec": REPLICAS,
    "autoscaling.v1.HorizontalPodAutoscalerSpec": {
        "minReplicas": COUNT,
        "maxReplicas": POSITIVE,
        "targetCPUUtilizationPercentage": POSITIVE,
    },
    "autoscaling.v2.HorizontalPodAutoscalerSpec": {"minReplicas": COUNT, "maxReplicas": POSITIVE},
    "autoscaling.v2.HPAScalingPolicy": {"value": POSITIVE, "periodSeconds": (1, 1800)},
    "autoscaling.v2.HPAScalingRules": {"stabilizationWindowSeconds": (0, 3600)},
    "autoscaling.v2.MetricTarget": {"averageUtilization": POSITIVE},
    "batch.v1.CronJobSpec": {
        "startingDeadlineSeconds": COUNT,
        "successfulJobsHistoryLimit": COUNT,
        "failedJobsHistoryLimit": COUNT,
    },
    "batch.v1.JobSpec": {
        "activeDeadlineSeconds": COUNT,
        "backoffLimit": COUNT,
        "backoffLimitPerIndex": COUNT,
        "completions": COUNT,
        "maxFailedIndexes": COUNT,
        "parallelism": COUNT,
        "ttlSecondsAfterFinished": COUNT,
    },
    "core.v1.ClientIPConfig": {"timeoutSeconds": (1, 86400)},
    "core.v1.ContainerPort": {"containerPort": PORT, "hostPort": (0, 65535)},
    "core.v1.EndpointPort": {"port": PORT},
    "core.v1.GRPCAction": {"port": PORT},
    "core.v1.HTTPGetAction": {"port": PORT},
    "core.v1.PodSpec": {"activeDeadlineSeconds": POSITIVE, "terminationGracePeriodSeconds": COUNT},
    "core.v1.PreferredSchedulingTerm": {"weight": (1, 100)},
    "core.v1.Probe": {
        "failureThreshold": POSITIVE,
        "initialDelaySeconds": COUNT,
        "periodSeconds": POSITIVE,
        "successThreshold": POSITIVE,
        "terminationGracePeriodSeconds": POSITIVE,
        "timeoutSeconds": POSITIVE,
    },
    "core.v1.SecurityContext": {"runAsGroup": COUNT, "runAsUser": COUNT},
    "core.v1.ServicePort": {"port": PORT, "targetPort": (0, 65535), "nodePort": (0, 65535)},  # 0 means: by default
    "core.v1.TCPSocketAction": {"port": PORT},
    "core.v1.TopologySpreadConstraint": {"maxSkew": POSITIVE, "minDomains": POSITIVE},
    "core.v1.WeightedPodAffinityTerm": {"weight": (1, 100)},
    "networking.v1.NetworkPolicyPort": {"port": PORT, "endPort": PORT},
    "networking.v1.ServiceBackendPort": {"number": PORT},
}

# Fields that take a count, or a percentage as text.
SHARES: dict[str, tuple[str, ...]] = {
    "apps.v1.RollingUpdateDaemonSet": ("maxSurge", "maxUnavailable"),
    "apps.v1.RollingUpdateDeployment": ("maxSurge", "maxUnavailable"),
    "apps.v1.RollingUpdateStatefulSetStrategy": ("maxUnavailable",),
    "policy.v1.PodDisruptionBudgetSpec": ("maxUnavailable", "minAvailable"),
}

# Fields that take a port's number, or its name as text.
NAMED_PORTS: dict[str, str] = {
    "core.v1.HTTPGetAction": "port",
    "core.v1.ServicePort": "targetPort",
    "core.v1.TCPSocketAction": "port",
    "networking.v1.NetworkPolicyPort": "port",
}

# Maps whose pairs are labels.
LABEL_MAPS: dict[str, tuple[str, ...]] = {
    "core.v1.PodSpec": ("nodeSelector",),
    "core.v1.ServiceSpec": ("selector",),
    "meta.v1.LabelSelector": ("matchLabels",),
    "meta.v1.ObjectMeta": ("labels",),
}

# Mappings that hold exactly one of these fields; where none is needed, at most one.
ALTERNATIVES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "core.v1.EnvFromSource": (True, ("configMapRef", "secretRef")),
    "core.v1.EnvVarSource": (True, ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")),
    "core.v1.LifecycleHandler": (True, ("exec", "httpGet", "sleep", "tcpSocket")),
    "core.v1.Probe": (True, ("exec", "grpc", "httpGet", "tcpSocket")),
    "networking.v1.IngressBackend": (True, ("resource", "service")),
    "networking.v1.ServiceBackendPort": (True, ("name", "number")),
    "policy.v1.PodDisruptionBudgetSpec": (False, ("maxUnavailable", "minAvailable")),
}
