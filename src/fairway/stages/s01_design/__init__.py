"""What is this service for, whom does it talk to, and what does it keep?"""

from fairway.core.conditions import STATEFUL
from fairway.core.stage import Detour, Stage

STAGE = Stage(
    id="design",
    title="Design",
    detours=(Detour(to="data", concern="persistence first", when=STATEFUL),),
    then="containers",
)
