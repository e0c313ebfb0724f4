"""DynamoDB's stand-in on a Unix socket, and nothing else of what moto has: `python -m fairway.local.dynamodb SOCKET`.

The package's own server loads what stands in for all of AWS: signed requests, users and their rights, every region's
services. That is most of its memory and of its start, and a local system's requests need none of it: proxies let
through only who has a service's key.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ACCOUNT: Final = "123456789012"  # whose tables all are
BACKLOG: Final = 128
Application = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]


class NoRegions:
    """Stands in the place of a session of AWS, which is asked for regions only: here any region will do."""

    def get_available_partitions(self) -> list[str]:
        """Know none."""
        return []

    def get_available_services(self) -> list[str]:
        """Know none: each goes by the name that moto has for it."""
        return []


def leave_out() -> None:
    """Put something small in the place of what moto's answers load and never use."""
    os.environ |= {"MOTO_ALLOW_NONEXISTENT_REGION": "true", "MOTO_ACCOUNT_ID": ACCOUNT}
    boto3 = find_spec("boto3")
    assert boto3 is not None, "whoever starts this has looked for it"
    _stand_in("boto3", Session=NoRegions, __path__=boto3.submodule_search_locations)  # its values' types are used
    _stand_in("boto3.compat", collections_abc=sys.modules["collections.abc"])
    _stand_in("botocore.session", Session=NoRegions)
    _stand_in("requests")
    _stand_in("requests.structures", CaseInsensitiveDict=dict)
    mocks = dict.fromkeys(("MockAWS", "ProxyModeMockAWS", "ServerModeMockAWS", "patch_client", "patch_resource"))
    _stand_in("moto.core.models", DEFAULT_ACCOUNT_ID=ACCOUNT, **mocks)
    _stand_in("moto.iam.models", iam_backends={}, mark_account_as_visited=lambda **_: None)


def _stand_in(name: str, **has: Any) -> None:  # noqa: ANN401 - whatever is taken from it
    sys.modules[name] = module = ModuleType(name)
    vars(module).update(has)


def application() -> Application:
    """Answer requests by moto's handler of them."""
    leave_out()
    from moto.core.request import Request  # noqa: PLC0415 - after what it may not load
    from moto.dynamodb.responses import DynamoHandler  # noqa: PLC0415
    from werkzeug.wrappers import Response  # noqa: PLC0415

    class Answering(DynamoHandler):
        def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
            """Ask nobody for rights: a proxy has done so."""

    class Asked(Request):
        from_wsgi_server = True

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Asked(environ)
        status, headers, body = Answering.dispatch(request, request.raw_url, dict(request.headers))
        return Response(body, status, headers)(environ, start_response)

    return answer


def main(words: list[str]) -> int:
    """Serve on a Unix socket, which is its owner's alone, until a signal ends the process."""
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415 - most of what is loaded

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: object) -> None:
            """Say nothing: proxies write a line for each request."""

    [path] = words
    answering = application()
    Path(path).unlink(missing_ok=True)  # of a run that crashed
    os.umask(0o177)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(BACKLOG)
        options: dict[str, Any] = {"request_handler": Quiet, "fd": listener.fileno()}
        make_server(f"unix://{path}", 0, answering, threaded=True, **options).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
