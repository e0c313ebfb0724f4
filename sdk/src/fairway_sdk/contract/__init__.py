"""The names a generated deployment and a running service must agree on; constants only, so it is cheap to import."""

COLLECTOR_PORT = 4318  # OpenTelemetry over HTTP: the service sends its traces there
ADMIN_PORT = 9000  # the service answers probes and metrics here; probes, scrapers and network policies point here
REST_PORT = 8080  # the service listens here for HTTP; its Service, the mesh and the gateway route here
GRPC_PORT = 8081  # the service listens here for gRPC; its Service and the mesh route here

LIVE_PATH = "/livez"  # the liveness probe asks it on the admin port: no answer means restart me
READY_PATH = "/readyz"  # the readiness probe asks it on the admin port: no means send me no traffic
STARTED_PATH = "/startedz"  # the startup probe asks it on the admin port: the other probes wait for its yes
METRICS_PATH = "/metrics"  # the metrics scraper reads it on the admin port

CONFIGURATION_FOLDER = "/etc/fairway/config"  # the ConfigMap is mounted here; the service reads one file a key
FLAGS_FILE = "/etc/fairway/flags/flags.json"  # flagd's definitions, from a ConfigMap that keeps its name
SECRETS_FOLDER = "/etc/fairway/secrets"  # secrets are mounted here, one file each; the service reads, never writes

BINDING_FILE = "binding.json"  # beside the configuration: fairway_sdk.contract.binding says what is in it
CONFIGURATION_VARIABLE = "FAIRWAY_CONFIGURATION"  # names another folder than CONFIGURATION_FOLDER
VALUE_VARIABLES = "FAIRWAY_VALUE_"  # and a key in capitals, _ for what is no letter or digit: instead of its file
SECRETS_VARIABLE = "FAIRWAY_SECRETS"  # names another folder than SECRETS_FOLDER

TENANT_HEADER = "x-tenant"  # the gateway sets it, and removes what a client sent under this name
CLIENT_CERTIFICATE_HEADER = "x-forwarded-client-cert"  # the proxy of the mesh sets it: the calling service's identity
IDEMPOTENCY_HEADER = "idempotency-key"  # the same key twice is the same effect once
STALE_HEADER = "x-fairway-stale"  # an answer rests on older data; its value is that data's age in seconds
SKIPPED_HEADER = "x-fairway-skipped"  # an answer lacks a part; its value names the services that were down

EVENT_PREFIX = "fairway."  # of a channel's name at the broker: its stream, topic or exchange
DEAD_LETTER_SUFFIX = ".dead"  # of a channel's name
TABLE_PREFIX = "fairway_"  # of the tables that the SDK keeps in a service's store
