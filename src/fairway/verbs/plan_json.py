"""The plan as JSON, complete: visits, decisions, assumptions, order."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from fairway.core.rule import Rule
from fairway.verbs.output import json_text
from fairway.verbs.plan import Plan, unchecked


def plan_json(plan: Plan, rules: Mapping[str, Rule], only: str | None = None) -> str:
    """Write the plan, or the part about one service."""
    if only is not None:
        return json_text(plan.services[only])
    every = tuple(rules.values())
    whole: dict[str, Any] = asdict(plan)
    whole["rules"] = {"total": len(every), "not_checked": [rule.id for rule in unchecked(every)]}
    return json_text(whole)
