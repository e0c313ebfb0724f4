"""The report of an audit as commands of a GitHub workflow: each finding stands at its line of the change."""

from collections.abc import Iterator

from fairway.verbs.check import Report

LEVELS = {"error": "error", "warning": "warning"}


def check_github(report: Report) -> str:
    """Write a command for each finding, problem and remark, and the count last."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    titles = {rule.id: rule.title for rule in report.rules}
    for one in report.findings:
        text = f"{one.resource}: {one.says}\n{one.fix}"
        yield _command(LEVELS[one.severity], one.file, one.line, f"{one.rule}: {titles[one.rule]}", text)
    for problem in report.problems:
        yield _command("error", problem.file, problem.line, "cannot be read", f"{problem.says} {problem.fix}")
    for remark in report.remarks:
        yield _command("notice", remark.file, remark.line, "hardly meant", f"{remark.says} {remark.fix}")
    for note in report.notes:
        yield f"::notice::{_data(note)}"
    warnings = len(report.findings) - report.errors
    problems, unknown = len(report.problems), len(report.unknown)
    yield f"{report.errors} errors, {warnings} warnings, {problems} problems, {unknown} unknown."


def _command(level: str, file: str, line: int, title: str, text: str) -> str:
    place = f"file={_property(file)}" + (f",line={line}" if line else "")
    return f"::{level} {place},title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
