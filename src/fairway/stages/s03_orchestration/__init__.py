"""How does Kubernetes run it, watch it and scale it?"""

from fairway.core.conditions import CONFIGURED_AT_RUN_TIME, SIDECAR_DEFERRED, STATEFUL
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="orchestration",
    title="Orchestration",
    detours=(Detour(to="data", concern="volumes", when=STATEFUL),),
    then="routing",
    needs=(Need(stage="containers"), Need(stage="routing", when=SIDECAR_DEFERRED | CONFIGURED_AT_RUN_TIME)),
)
