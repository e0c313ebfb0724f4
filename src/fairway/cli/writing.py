"""Commands that begin, plan and build a system."""

import argparse
import sys
from pathlib import Path

from fairway.cli.commands import Commands, command, facts

# Handlers import their verb inside: `fairway --version` and a wrong option answer before any of them is loaded.
# ruff: noqa: PLC0415


def add(commands: Commands) -> None:
    """Add them."""
    _add_init(commands)
    _add_adopt(commands)
    _add_plan(commands)
    _add_build(commands)
    _add_why(commands)
    _add_binding(commands)


def _add_init(commands: Commands) -> None:
    init = command(commands, "init", _init, "begin a new system with its first fairway.yaml", "fairway init shop")
    init.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path(), help="where (default: here)")


def _add_adopt(commands: Commands) -> None:
    adopt = command(
        commands,
        "adopt",
        _adopt,
        "draft the facts of a system from its manifests",
        "fairway adopt deploy/ -o draft.yaml",
    )
    adopt.add_argument("path", metavar="PATH", type=Path, help="a file or folder of manifests")
    adopt.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        default=Path("fairway.yaml"),
        help="- is the screen (default: %(default)s)",
    )
    adopt.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_plan(commands: Commands) -> None:
    plan = command(commands, "plan", _plan, "walk the standard, decide, and say why", "fairway plan --service orders")
    facts(plan)
    plan.add_argument("--service", metavar="NAME", help="show one service only")
    plan.add_argument("--full", action="store_true", help="say why for every decision, and what was not chosen")
    plan.add_argument("--format", choices=("text", "json", "svg"), default="text", help="default: text")


def _add_build(commands: Commands) -> None:
    build = command(commands, "build", _build, "render every artefact", "fairway build -o deploy")
    facts(build)
    build.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="where to write (default: deploy/ beside the facts)"
    )
    build.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where the files differ from the facts"
    )
    build.add_argument("--overwrite", action="store_true", help="replace files that were changed by hand")
    build.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_why(commands: Commands) -> None:
    why = command(
        commands, "why", _why, "say which decision is behind a built file or line", "fairway why deploy/.../hpa.yaml:12"
    )
    why.add_argument("place", metavar="FILE[:LINE]")
    why.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def _add_binding(commands: Commands) -> None:
    binding = command(
        commands,
        "binding",
        _binding,
        "show what a running service is told",
        "fairway binding orders --environment staging",
    )
    binding.add_argument("service", metavar="SERVICE")
    facts(binding)
    binding.add_argument("--environment", metavar="NAME", help="default: the first that fits")
    binding.add_argument("--region", metavar="NAME", help="default: the first that fits")
    binding.set_defaults(format="json")


def _init(options: argparse.Namespace) -> int:
    from fairway.verbs.init import init

    sys.stdout.write(init(options.folder))
    return 0


def _adopt(options: argparse.Namespace) -> int:
    from fairway.verbs.adopt import adopt_command

    return adopt_command(options.path, options.output, options.format)


def _plan(options: argparse.Namespace) -> int:
    from fairway.verbs.workspace import open_system

    workspace = open_system(options.facts)
    if options.service is not None:
        workspace.require_service(options.service)
    plan = workspace.today_plan
    if options.format == "json":
        from fairway.verbs.plan_json import plan_json

        sys.stdout.write(plan_json(plan, workspace.rules, options.service))
    elif options.format == "svg":
        from fairway.verbs.plan_map import plan_map

        sys.stdout.write(plan_map(plan, workspace.rooms, workspace.landscape, options.service))
    else:
        from fairway.verbs.plan_text import plan_text

        full = options.full or options.service is not None
        sys.stdout.write(plan_text(plan, workspace.landscape, workspace.rules, only=options.service, full=full))
    return 0


def _build(options: argparse.Namespace) -> int:
    from fairway.verbs.build import build_command

    return build_command(
        options.facts, options.output, check=options.check, overwrite=options.overwrite, format_=options.format
    )


def _why(options: argparse.Namespace) -> int:
    from fairway.verbs.why import why_command

    return why_command(options.place, options.format)


def _binding(options: argparse.Namespace) -> int:
    from fairway.verbs.bind import binding_command

    return binding_command(options.facts, options.service, options.environment, options.region)
