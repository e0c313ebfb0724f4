"""Fields that can hold only certain words, which the schemas leave open. Empty text is as good as none.

The words are the constants of Kubernetes' own types, 1.37.
"""

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("TCP", "UDP", "SCTP")
ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
VOLUME_MODES = ("Filesystem", "Block")
CLAIM_RETENTION = ("Retain", "Delete")
PROFILES = ("RuntimeDefault", "Localhost", "Unconfined")
PREEMPTION = ("PreemptLowerPriority", "Never")
SET_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
NODE_INCLUSION = ("Honor", "Ignore")
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Exact", "Equivalent")
RETRIES = ("Never", "IfNeeded")
QUOTA_SCOPES = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
CONTAINER = {
    "imagePullPolicy": PULL_POLICIES,
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
}
WEBHOOK = {
    "failurePolicy": FAILURE_POLICIES,
    "matchPolicy": MATCH_POLICIES,
    "sideEffects": ("None", "NoneOnDryRun", "Some", "Unknown"),
}

ENUMERATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "admissionregistration.v1.MutatingWebhook": {**WEBHOOK, "reinvocationPolicy": RETRIES},
    "admissionregistration.v1.RuleWithOperations": {
        "operations": ("*", "CREATE", "UPDATE", "DELETE", "CONNECT"),
        "scope": ("*", "Cluster", "Namespaced"),
    },
    "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": {"validationActions": ("Deny", "Warn", "Audit")},
    "admissionregistration.v1.ValidatingAdmissionPolicySpec": {"failurePolicy": FAILURE_POLICIES},
    "admissionregistration.v1.ValidatingWebhook": WEBHOOK,
    "apps.v1.DaemonSetUpdateStrategy": {"type": ("RollingUpdate", "OnDelete")},
    "apps.v1.DeploymentStrategy": {"type": ("RollingUpdate", "Recreate")},
    "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": {
        "whenDeleted": CLAIM_RETENTION,
        "whenScaled": CLAIM_RETENTION,
    },
    "apps.v1.StatefulSetSpec": {"podManagementPolicy": ("OrderedReady", "Parallel")},
    "apps.v1.StatefulSetUpdateStrategy": {"type": ("RollingUpdate", "OnDelete", "Recreate")},
    "autoscaling.v2.HPAScalingPolicy": {"type": ("Pods", "Percent")},
    "autoscaling.v2.HPAScalingRules": {"selectPolicy": ("Max", "Min", "Disabled")},
    "autoscaling.v2.MetricSpec": {"type": ("Resource", "ContainerResource", "Pods", "Object", "External")},
    "autoscaling.v2.MetricTarget": {"type": ("Utilization", "Value", "AverageValue")},
    "batch.v1.CronJobSpec": {"concurrencyPolicy": ("Allow", "Forbid", "Replace")},
    "batch.v1.JobSpec": {
        "completionMode": ("NonIndexed", "Indexed"),
        "podReplacementPolicy": ("TerminatingOrFailed", "Failed"),
    },
    "batch.v1.PodFailurePolicyOnExitCodesRequirement": {"operator": ("In", "NotIn")},
    "batch.v1.PodFailurePolicyRule": {"action": ("FailJob", "FailIndex", "Ignore", "Count")},
    "core.v1.AppArmorProfile": {"type": PROFILES},
    "core.v1.Container": CONTAINER,
    "core.v1.ContainerPort": {"protocol": PROTOCOLS},
    "core.v1.ContainerResizePolicy": {
        "resourceName": ("cpu", "memory"),
        "restartPolicy": ("NotRequired", "RestartContainer"),
    },
    "core.v1.EndpointPort": {"protocol": PROTOCOLS},
    "core.v1.EphemeralContainer": CONTAINER,
    "core.v1.HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    "core.v1.HostPathVolumeSource": {
        "type": (
            "DirectoryOrCreate",
            "Directory",
            "FileOrCreate",
            "File",
            "Socket",
            "CharDevice",
            "BlockDevice",
        )
    },
    "core.v1.ImageVolumeSource": {"pullPolicy": PULL_POLICIES},
    "core.v1.NodeSelectorRequirement": {"operator": (*SET_OPERATORS, "Gt", "Lt")},
    "core.v1.PersistentVolumeClaimSpec": {"accessModes": ACCESS_MODES, "volumeMode": VOLUME_MODES},
    "core.v1.PersistentVolumeSpec": {
        "accessModes": ACCESS_MODES,
        "persistentVolumeReclaimPolicy": ("Retain", "Delete", "Recycle"),
        "volumeMode": VOLUME_MODES,
    },
    "core.v1.PodOS": {"name": ("linux", "windows")},
    "core.v1.PodSecurityContext": {
        "fsGroupChangePolicy": ("OnRootMismatch", "Always"),
        "seLinuxChangePolicy": ("MountOption", "Recursive"),
        "supplementalGroupsPolicy": ("Merge", "Strict"),
    },
    "core.v1.PodSpec": {
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "preemptionPolicy": PREEMPTION,
        "restartPolicy": ("Always", "OnFailure", "Never"),
    },
    "core.v1.ResourceQuotaSpec": {"scopes": QUOTA_SCOPES},
    "core.v1.ScopedResourceSelectorRequirement": {"operator": SET_OPERATORS, "scopeName": QUOTA_SCOPES},
    "core.v1.SeccompProfile": {"type": PROFILES},
    "core.v1.SecurityContext": {"procMount": ("Default", "Unmasked")},
    "core.v1.ServicePort": {"protocol": PROTOCOLS},
    "core.v1.ServiceSpec": {
        "externalTrafficPolicy": ("Cluster", "Local"),
        "internalTrafficPolicy": ("Cluster", "Local"),
        "ipFamilies": ("IPv4", "IPv6"),
        "ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
        "sessionAffinity": ("None", "ClientIP"),
        "trafficDistribution": ("PreferSameZone", "PreferSameNode", "PreferClose"),
        "type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    },
    "core.v1.Taint": {"effect": TAINT_EFFECTS},
    "core.v1.Toleration": {"effect": TAINT_EFFECTS, "operator": ("Exists", "Equal", "Lt", "Gt")},
    "core.v1.TopologySpreadConstraint": {
        "nodeAffinityPolicy": NODE_INCLUSION,
        "nodeTaintsPolicy": NODE_INCLUSION,
        "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    },
    "core.v1.VolumeMount": {
        "mountPropagation": ("None", "HostToContainer", "Bidirectional"),
        "recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    },
    "apiextensions.v1.CustomResourceDefinitionSpec": {"scope": ("Namespaced", "Cluster")},
    "meta.v1.LabelSelectorRequirement": {"operator": SET_OPERATORS},
    "networking.v1.HTTPIngressPath": {"pathType": ("Prefix", "Exact", "ImplementationSpecific")},
    "networking.v1.NetworkPolicyPort": {"protocol": PROTOCOLS},
    "networking.v1.NetworkPolicySpec": {"policyTypes": ("Ingress", "Egress")},
    "policy.v1.PodDisruptionBudgetSpec": {"unhealthyPodEvictionPolicy": ("IfHealthyBudget", "AlwaysAllow")},
    "rbac.v1.RoleRef": {"kind": ("ClusterRole", "Role")},
    "rbac.v1.Subject": {"kind": ("ServiceAccount", "User", "Group")},
    "scheduling.v1.PriorityClass": {"preemptionPolicy": PREEMPTION},
    "storage.v1.StorageClass": {
        "reclaimPolicy": ("Delete", "Retain"),
        "volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    },
}
