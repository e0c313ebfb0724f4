"""How is it reached from outside, by whom, and how often?"""

from fairway.core.conditions import SECURE_USER_DATA
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="gateway",
    title="Gateway",
    detours=(Detour(to="security", concern="before exposure", when=SECURE_USER_DATA),),
    then="observability",
    needs=(Need(stage="routing"),),
)
