"""Where does what it knows live, and how does it come back?"""

from fairway.core.conditions import PERSONAL_OR_REGULATED
from fairway.core.stage import Detour, Need, Stage

STAGE = Stage(
    id="data",
    title="Data",
    detours=(Detour(to="security", concern="encryption and retention", when=PERSONAL_OR_REGULATED),),
    then="recovery",
    needs=(Need(stage="design"),),
)
