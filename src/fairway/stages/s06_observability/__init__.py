"""How does anyone know what it does, and that it is well?"""

from fairway.core.conditions import EXPOSED
from fairway.core.stage import Need, Stage

STAGE = Stage(
    id="observability",
    title="Observability",
    then="security",
    needs=(Need(stage="orchestration"), Need(stage="routing"), Need(stage="gateway", when=EXPOSED)),
)
