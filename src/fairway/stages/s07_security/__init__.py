"""Who may talk to it, and how is what it knows protected?"""

from fairway.core.conditions import PROTECTED
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="security",
    title="Security",
    detours=(Detour(to="data", concern="data protection", when=PROTECTED),),
    then="delivery",
    needs=(Need(stage="orchestration"), Need(stage="routing")),
)
