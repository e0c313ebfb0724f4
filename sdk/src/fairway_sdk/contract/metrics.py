"""The names of the metrics that a service exports: dashboards, alerts and rollouts ask for these and no others."""

from typing import Final

REQUEST_DURATION: Final = (
    "http_server_request_duration_seconds"  # http_request_method, http_route, http_response_status_code
)
REQUESTS_ACTIVE: Final = "http_server_active_requests"
RPC_DURATION: Final = "rpc_server_call_duration_seconds"  # rpc_method, rpc_response_status_code
RPC_ACTIVE: Final = "rpc_server_active_calls"

CALL_DURATION: Final = (
    "fairway_call_duration_seconds"  # callee, outcome: ok, error, timeout, cancelled; not sent: refused, open
)
CALL_RETRIES: Final = "fairway_call_retries_total"  # callee
CALLS_ACTIVE: Final = "fairway_calls_active"  # callee
BREAKER_OPEN: Final = "fairway_breaker_open"  # callee: 0 closed, 1 open, 0.5 one trial call is out
FALLBACKS: Final = "fairway_fallbacks_total"  # callee, kind: stale, default or skipped

SAGAS_STARTED: Final = "fairway_sagas_started_total"  # saga
SAGAS_ENDED: Final = "fairway_sagas_ended_total"  # saga, outcome: completed, compensated, abandoned
SAGAS: Final = "fairway_sagas"  # saga, state: running, compensating, stuck
SAGA_OLDEST: Final = "fairway_saga_oldest_seconds"  # saga, state
SAGA_DURATION: Final = "fairway_saga_duration_seconds"  # saga, outcome
SAGA_TRIES: Final = "fairway_saga_tries_total"  # saga, step, outcome: done, declined, failed, undone, not-undone
SAGAS_TAKEN: Final = "fairway_sagas_taken_over_total"  # saga: from an owner that did not let go

OUTBOX_WAITING: Final = "fairway_outbox_waiting"  # channel
OUTBOX_OLDEST: Final = "fairway_outbox_oldest_seconds"  # channel
EVENTS_PUBLISHED: Final = "fairway_events_published_total"  # channel
EVENTS_HANDLED: Final = "fairway_events_handled_total"  # channel, outcome: see events/metrics.py; early is no failure
EVENT_DURATION: Final = "fairway_event_duration_seconds"  # channel
INBOX_WAITING: Final = "fairway_inbox_waiting"  # channel
DEAD_LETTERS: Final = "fairway_dead_letters"  # channel, box: in or out

BROKER_UP: Final = "fairway_broker_up"

STORE_CONNECTIONS: Final = "fairway_store_connections"  # store, state: used, idle
STORE_WAIT: Final = "fairway_store_wait_seconds"  # store: for a connection
STORE_UP: Final = "fairway_store_up"  # store
FLAG_READS: Final = "fairway_flag_reads_total"  # flag, variant
SECRET_AGE: Final = "fairway_secret_age_seconds"  # noqa: S105 - secret: since it last changed
CALLERS_REFUSED: Final = "fairway_callers_refused_total"  # reason: expired, signature, service and so on
SESSIONS: Final = "fairway_sessions_total"  # outcome: begun, rotated, ended
PROCESS_READY: Final = "fairway_ready"
