"""How do requests find it, inside the system?"""

from fairway.core.conditions import EXPOSED
from fairway.core.stage import Jump, Need, Stage

STAGE = Stage(
    id="routing",
    title="Routing",
    jumps=(Jump(to="observability", when=~EXPOSED),),
    then="gateway",
    needs=(Need(stage="containers"),),
)
