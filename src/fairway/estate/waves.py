"""In which order objects are applied, as far as they say so: sync waves of Argo CD, hooks of Argo CD and Helm."""

from typing import Final

from fairway.estate.resource import Resource

WAVE: Final = "argocd.argoproj.io/sync-wave"
PHASES: Final = {"PreSync": 0, "Sync": 1, "PostSync": 2}
HELM_PHASES: Final = {
    "pre-install": 0,
    "pre-upgrade": 0,
    "crd-install": 0,
    "post-install": 2,
    "post-upgrade": 2,
}
"""When hooks run, beside everything else in the middle; those of other phases are not applied with the rest."""
Turn = tuple[int, int]


def turn(one: Resource) -> Turn | None:
    """Give an object's turn, of which a smaller is earlier: its phase and its wave; None where it is in neither."""
    helm, argo = one.annotations.get("helm.sh/hook", ""), one.annotations.get("argocd.argoproj.io/hook", "")
    phases = [PHASES.get(name.strip()) for name in argo.split(",") if name.strip()]
    phases += [HELM_PHASES.get(name.strip()) for name in helm.split(",") if name.strip()] if not phases else []
    known = [phase for phase in phases if phase is not None]
    if phases and not known:
        return None
    wave = one.annotations.get(WAVE) or (one.annotations.get("helm.sh/hook-weight") if helm else None) or "0"
    try:
        return min(known, default=1), int(wave)
    except ValueError:
        return None


def told(one: Resource) -> tuple[str, str]:
    """Name what tells an object's turn, and what it says; two empty texts where it has the common one."""
    for name in ("argocd.argoproj.io/hook", WAVE, "helm.sh/hook", "helm.sh/hook-weight"):
        if value := one.annotations.get(name):
            return name, value
    return "", ""
