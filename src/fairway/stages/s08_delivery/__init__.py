"""How does a new version reach its users, and how does it leave again?"""

from fairway.core.conditions import FLAGS, NO_FLAG_SYSTEM
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="delivery",
    title="Delivery",
    detours=(Detour(to="design", concern="toggle review", when=FLAGS & NO_FLAG_SYSTEM),),
    then="resilience",
    needs=tuple(
        Need(stage=stage)
        for stage in ("design", "containers", "orchestration", "routing", "gateway", "observability", "security")
    ),
)
