"""The figures of resilience by how critical a service is and which data it handles."""

from typing import Final

from fairway.core.facts import Criticality, DataClass, Service
from fairway.core.levels import strictest
from fairway.core.profile import ChannelProfile, Profile

BREAKER: Final[dict[Criticality, tuple[int, str]]] = {  # of the caller: failures in a row, how long it stays open
    "mission-critical": (3, "5s"),
    "standard": (5, "10s"),
    "low": (10, "30s"),
}
EJECTION: Final[dict[Criticality, tuple[int, str, str]]] = {  # failures in a row, between two looks, first left out
    "mission-critical": (3, "5s", "30s"),
    "standard": (5, "10s", "30s"),
    "low": (10, "30s", "1m"),
}
MOST_EJECTED: Final = 50  # percent of the replicas, so that some always answer
PARKED_DAYS: Final[dict[DataClass, int]] = {"public": 14, "internal": 14, "personal": 7, "regulated": 7}
OLDEST: Final[dict[DataClass, str]] = {"public": "1h", "internal": "10m", "personal": "1m", "regulated": "1m"}
OUTSIDE: Final = "1s"  # within which a system outside is taken to answer, since nothing is known of it
LEAST_CONCURRENT: Final = 4  # with less, two requests at the same moment would refuse one another
HELD: Final = 0.1  # seconds that a request holds a connection to a store


def rate(service: Service) -> float:
    """Tell how many requests or events a second one replica gets at most."""
    assert service.traffic is not None
    assert service.traffic.per_replica is not None
    return min(service.traffic.per_replica, service.traffic.peak)


def carried(profile: Profile) -> str:
    """Say how much one replica gets at most: requests, events, or what one run asks for."""
    number = rate(profile.facts)
    what = "request" if profile.serving else "event"
    words = f"{number:,.10g} {what}{'' if number == 1 else 's'} a second"
    if profile.runs_to_completion:
        return f"a run is taken to get through {number:,.10g} pieces of work a second"
    return f"a replica {'carries' if profile.serving else 'handles'} {words}"


def latency(service: Service) -> str:
    """Tell the duration within which a service promises to answer."""
    assert service.objectives is not None
    assert service.objectives.latency is not None
    return service.objectives.latency


def parked_days(channel: ChannelProfile) -> int:
    """Tell how many days a dead letter is kept."""
    return PARKED_DAYS[strictest(channel.facts.data)]
