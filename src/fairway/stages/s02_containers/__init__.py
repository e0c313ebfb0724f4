"""What goes into its image, and what stays out?"""

from fairway.core.conditions import CONFIGURED_AT_RUN_TIME, SIDECAR_DEFERRED
from fairway.core.stage import Jump, Need, Stage

STAGE = Stage(
    id="containers",
    title="Containers",
    jumps=(Jump(to="routing", when=SIDECAR_DEFERRED | CONFIGURED_AT_RUN_TIME),),
    then="orchestration",
    needs=(Need(stage="design"),),
)
