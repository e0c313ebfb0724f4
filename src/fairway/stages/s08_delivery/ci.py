"""Every change is validated, tested and scanned before it can be released.

What depends on somebody remembering is skipped on the day it matters. A pipeline checks every change in the same way
and leaves a record. If one of the three is missing, its faults are found in production.
"""

import re
from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found_in
from fairway.estate.index import Estate
from fairway.estate.pipelines import SCANS

# Words of what does each of the three; a pipeline that has one is believed.
DOES: Final = {
    "lints or validates": re.compile(
        r"lint|\bvet\b|fmt\b|\bformat|\bvalidate|verify|\bruff\b|flake8|mypy|pyright|clippy|sonar|checkstyle|spotless|"
        r"prettier|shellcheck|hadolint|kubeconform|kubeval|kube-score|conftest|\btsc\b|typecheck|type-check|"
        r"codeql|semgrep|biome|rubocop|black\b|(?:^|\s)check\b|-check\b|\bcmp\b|\bdiff\b|dry-run",
        re.IGNORECASE,
    ),
    "tests": re.compile(
        r"\btests?\b(?!\s+-)|pytest|jest|vitest|mocha|rspec|phpunit|\btox\b|\bnox\b|ginkgo|playwright|cypress|\bk6\b|"
        r"\bctest\b|\bbats\b|nextest|smoke|e2e|integration|gradlew? (?:build|check)|mvnw? .*(?:verify|install|package)",
        re.IGNORECASE,
    ),
    "scans": SCANS,
}
BUILDS: Final = re.compile(
    r"docker(?:x)? (?:buildx )?(?:build|push|compose)|build-push-action|kaniko|buildah|\bko (?:build|apply|publish)|"
    r"skaffold|\bjib\b|buildpack|\bpack build|nerdctl build|\bbake\b|kubectl apply|helm upgrade",
    re.IGNORECASE,
)


def check(estate: Estate) -> Iterator[Finding]:
    """Find pipelines that build or deploy something, and of the three leave one out in all of their files.

    Where a pipeline runs scripts or includes what is not here, what it leaves out cannot be told. That there is no
    pipeline here says nothing: it may be in another repository.
    """
    every = estate.pipelines
    building = [one for one in every if one.does(BUILDS)]
    if not building or any(one.unseen for one in every):
        return
    missing = [what for what, words in DOES.items() if not any(one.does(words) for one in every)]
    if missing:
        first = building[0]
        says = f"pipelines build or deploy here, and none {listed(missing, 'or')}."
        fix = "Add what is missing, before anything is pushed: linters, tests, and a scan that fails on severe faults."
        yield found_in(RULE.id, first.file, first.line, "jobs", says, fix)


RULE = Rule(
    id="delivery/ci",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the pipeline file passes its linter, and its commands run here",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="pipelines/github-actions.yaml",
            old="    - name: Tests\n      run: 'cd \"$FOLDER\" && python -m pytest'\n"
            '      env:\n        FOLDER: "${{ matrix.folder }}"\n',
            new="",
        ),
    ),
)
