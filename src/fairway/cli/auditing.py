"""Commands that show the standard and hold manifests against it."""

import argparse
import sys
from pathlib import Path

from fairway.cli.commands import Commands, command

# Handlers import their verb inside: `fairway --version` and a wrong option answer before any of them is loaded.
# ruff: noqa: PLC0415


def add(commands: Commands) -> None:
    """Add them."""
    _add_check(commands)
    _add_rules(commands)
    _add_schema(commands)


def _add_check(commands: Commands) -> None:
    check = command(commands, "check", _check, "audit manifests against the standard", "fairway check deploy/")
    check.description = (
        "Audit manifests against the standard. Exit code: 0 no errors (warnings alone are clean), 1 errors, "
        "2 something cannot be read or there is nothing to audit, 3 a tool is missing."
    )
    check.add_argument(
        "paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: deploy/ or here)"
    )
    check.add_argument(
        "--format", choices=("text", "json", "sarif", "junit", "github"), default="text", help="default: text"
    )
    check.add_argument(
        "--rules", metavar="ID", action="append", default=[], help="only these, as 'security/*'; may come again"
    )
    check.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="what gives exit code 1"
    )
    check.add_argument(
        "--suppressions",
        metavar="FILE",
        type=Path,
        help="what is accepted, why, until when (default: fairway-check.yaml)",
    )
    check.add_argument(
        "--facts",
        metavar="FILE",
        type=Path,
        help="whose waivers are heard (default: the fairway.yaml with or above what is audited)",
    )
    check.add_argument("--baseline", metavar="FILE", type=Path, help="show only what is not in it")
    check.add_argument("--write-baseline", metavar="FILE", type=Path, help="write what is found now")
    check.add_argument(
        "--helm", metavar="FILE", help="the helm that renders charts (default: helm on PATH; 'none' renders none)"
    )


def _add_rules(commands: Commands) -> None:
    rules = command(commands, "rules", _rules, "show the catalogue, or one rule", "fairway rules design/saga")
    rules.add_argument("rule", metavar="ID", nargs="?")
    rules.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_schema(commands: Commands) -> None:
    schema = command(
        commands, "schema", _schema, "print the JSON Schema of fairway.yaml", "fairway schema > fairway.schema.json"
    )
    schema.set_defaults(format="json")


def _check(options: argparse.Namespace) -> int:
    from fairway.verbs.unswept import unswept

    with unswept():  # two hundred modules of rules live until the end, too
        from fairway.verbs.check import Options
        from fairway.verbs.check_command import check_command

        chosen = Options(
            rules=tuple(options.rules),
            suppressions=options.suppressions,
            baseline=options.baseline,
            write_baseline=options.write_baseline,
            fail_on=options.fail_on,
            facts=options.facts,
            helm=_helm(options.helm),
        )
        return check_command(options.paths, chosen, options.format)


def _helm(named: str | None) -> Path | None:
    """Find the helm that was named, or else the one on PATH, if any."""
    from shutil import which

    from fairway.core.errors import FairwayError

    found = None if named == "none" else which(named or "helm")
    if found is None and named not in (None, "none"):
        raise FairwayError(f"--helm {named}: there is no such program. Name another, or leave it out.")
    return Path(found).absolute() if found else None


def _rules(options: argparse.Namespace) -> int:
    from fairway.verbs import rules
    from fairway.verbs.workspace import standard

    rooms = standard()
    found = None if options.rule is None else rules.find(rooms, options.rule)
    if options.format == "json":
        from fairway.verbs.output import json_text

        every = rules.entries(rooms)
        shown = every if found is None else next(entry for entry in every if entry["id"] == found.id)
        sys.stdout.write(json_text(shown))
    else:
        sys.stdout.write(rules.catalogue_text(rooms) if found is None else rules.rule_text(found))
    return 0


def _schema(_: argparse.Namespace) -> int:
    from fairway.verbs.schema import schema

    sys.stdout.write(schema())
    return 0
