"""Fill the shelves, and end. The exit code says whether that went well."""

import json
import os
import sys
from urllib.error import URLError
from urllib.request import Request, urlopen

DELIVERED = {"eggs": 24, "butter": 12, "flour": 10, "bread": 12}

request = Request(
    f"{os.environ['PANTRY_URL']}/ingredients",
    json.dumps(DELIVERED).encode(),
    {"content-type": "application/json"},
    method="PUT",
)
try:
    with urlopen(request, timeout=5) as answer:
        print(f"filled: {answer.read().decode()}")
except URLError as error:
    sys.exit(f"the pantry takes nothing in: {error}")
