"""What happens when a whole region is gone?"""

from fairway.core.conditions import FAILOVER_ON_KUBERNETES
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="recovery",
    title="Recovery",
    detours=(Detour(to="orchestration", concern="control plane", when=FAILOVER_ON_KUBERNETES),),
    needs=tuple(
        Need(stage=stage)
        for stage in (
            "design",
            "containers",
            "orchestration",
            "routing",
            "gateway",
            "observability",
            "security",
            "delivery",
            "resilience",
            "data",
        )
    ),
)
