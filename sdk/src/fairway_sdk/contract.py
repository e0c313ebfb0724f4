"""The names a generated deployment and a running service must agree on; constants only, so it is cheap to import."""

ADMIN_PORT = 9000  # the service answers probes and metrics here; probes, scrapers and network policies point here
REST_PORT = 8080  # the service listens here for HTTP; its Service, the mesh and the gateway route here
GRPC_PORT = 8081  # the service listens here for gRPC; its Service and the mesh route here

LIVE_PATH = "/livez"  # the liveness probe asks it on the admin port: no answer means restart me
READY_PATH = "/readyz"  # the readiness probe asks it on the admin port: no means send me no traffic
STARTED_PATH = "/startedz"  # the startup probe asks it on the admin port: the other probes wait for its yes
METRICS_PATH = "/metrics"  # the metrics scraper reads it on the admin port

CONFIGURATION_FOLDER = "/etc/fairway/config"  # the ConfigMap is mounted here; the service reads one file a key
SECRETS_FOLDER = "/etc/fairway/secrets"  # secrets are mounted here, one file each; the service reads, never writes
