"""An image for a secure environment is scanned in CI, and findings stop the pipeline.

Most of an image is written by others, and new faults in it are published every week. A scan whose result nobody
must look at changes nothing; one that stops the pipeline is looked at the same day. The list of contents that it
writes answers, months later, where a newly found fault runs.
"""

from collections.abc import Iterator

from fairway.core.conditions import SECURE_ENVIRONMENT
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.estate.finding import found_in
from fairway.estate.image_scans import image_scans, pushes
from fairway.estate.index import Estate
from fairway.estate.pipelines import SCANS
from fairway.estate.steps import steps


def check(estate: Estate) -> Iterator[Finding]:
    """Find pipelines that push images and scan none, or whose scans of images can stop nothing; said once.

    Whether an environment must be secure is not in files, so this is a remark. That nothing at all is scanned is
    another rule's finding, and what scripts or included files do cannot be told.
    """
    scans = tuple(image_scans(estate.pipelines))
    if scans and all(scan.harmless for scan in scans):
        first = scans[0]
        says = f"what this scan finds in an image stops nothing: {first.harmless}."
        if len(scans) > 1:
            says = f"none of {len(scans)} scans of images can stop the pipeline; of this one {first.harmless}."
        fix = "Let it fail on severe faults (exit-code 1 with HIGH,CRITICAL), before the image is pushed."
        yield found_in(RULE.id, first.step.pipeline.file, first.line, "jobs", says, fix, warning=True)
    if scans or any(one.unseen for one in estate.pipelines) or not any(one.does(SCANS) for one in estate.pipelines):
        return
    pushing = next((step for one in estate.pipelines for step in steps(one) if pushes(step)), None)
    if pushing is not None:
        line = pushing.script[0][1] if pushing.script else pushing.line
        says = "images are pushed, and what is scanned here is not the image: most of it nobody looks at."
        fix = "Scan each image after it is built, and fail on severe faults before it is pushed."
        yield found_in(RULE.id, pushing.pipeline.file, line, "jobs", says, fix, warning=True)


RULE = Rule(
    id="containers/scan-in-ci",
    applies=SECURE_ENVIRONMENT,
    proof=Proof.STATIC,
    check=check,
    breaks=(
        Edit(
            path="pipelines/github-actions.yaml",
            old='        image-ref: "${{ matrix.image }}"\n        severity: HIGH,CRITICAL\n'
            '        ignore-unfixed: true\n        exit-code: "1"\n',
            new='        image-ref: "${{ matrix.image }}"\n        severity: HIGH,CRITICAL\n'
            "        ignore-unfixed: true\n",
        ),
    ),
)
