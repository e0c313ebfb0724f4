"""What does it do while something that it needs is down?"""

from fairway.core.conditions import REROUTING
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="resilience",
    title="Resilience",
    detours=(Detour(to="routing", concern="rerouting", when=REROUTING),),
    then="data",
    needs=(Need(stage="delivery"),),
)
