"""Run the command line with `python -m fairway`."""

import sys

from fairway.cli import main

sys.exit(main())
