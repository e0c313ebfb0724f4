"""Find the chart that a kustomization inflates, where it lies beside it."""

import json
import os
from typing import Final

from fairway.estate.helm.chart import CHART, Chart, chart_at
from fairway.estate.helm.releasing import Release
from fairway.yaml.reader import Mapping, Sequence

# Paths are texts throughout, as there are many.
# ruff: noqa: PTH113, PTH118

_FOLLOWED: Final = frozenset(
    "additionalValuesFiles includeCRDs name namespace releaseName repo skipTests valuesFile "  # noqa: SIM905 - words read better without quotes
    "valuesInline version".split()
)


def inflated(entry: Mapping, said: Mapping, folder: str) -> tuple[Chart, Release] | None:
    """Give the chart of one *entry* of helmCharts in what a kustomization *said*; none where it is not here.

    Nor where the entry says more than can be followed.
    """
    settings = said.get("helmGlobals")
    home = settings.get("chartHome") if isinstance(settings, Mapping) else None
    name = str(entry.get("name"))
    place = os.path.normpath(os.path.join(folder, str(home or "charts"), name))
    if not (entry.keys() <= _FOLLOWED and os.path.isfile(os.path.join(place, CHART))):
        return None
    more = entry.get("additionalValuesFiles")
    listed = [entry.get("valuesFile"), *(more if isinstance(more, Sequence) else ())]
    values = [os.path.normpath(os.path.join(folder, str(one))) for one in listed if one]
    if not all(map(os.path.isfile, values)):
        return None
    inline = entry.get("valuesInline")
    return chart_at(place), Release(
        label=f"in {os.path.basename(folder)}",  # noqa: PTH119 - as above
        name=str(entry.get("releaseName") or name),
        namespace=str(entry.get("namespace") or ""),
        values=tuple(values),
        text=json.dumps(inline) if isinstance(inline, Mapping) else "",
        line=int(entry.line),
    )
