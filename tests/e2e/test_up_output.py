"""`fairway up` whose output nobody reads any more: its terminal was closed, or it was piped into `head`."""

import signal
import subprocess
import sys
from pathlib import Path

from local_system import System, ask, until

from fairway.local.state import free_port

FACTS = """
system: alone
owners: { hello: hello@example.com }
environments: { production: { domain: hello.example.com } }
services:
  clock:
    capability: Telling the time
    exposure: external
    anonymous-routes: [GET /]
    run: { command: [python, clock.py] }
"""
CLOCK = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"12")
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_system_whose_reader_has_gone_works_and_ends_as_ever(tmp_path: Path) -> None:
    """What it would tell is lost; its processes start all the same, and a signal ends them."""
    (tmp_path / "services" / "clock").mkdir(parents=True)
    (tmp_path / "services" / "clock" / "clock.py").write_text(CLOCK)
    (tmp_path / "fairway.yaml").write_text(FACTS)
    system, port = System(tmp_path), str(free_port())
    command = [sys.executable, "-m", "fairway", "up", "--no-console", "--port", port]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        try:
            until(lambda: system.run("status", check=False).returncode != 2 and system.status["state"] == "up")
            assert {one["state"] for one in system.status["processes"]} == {"ready"}
            assert ask(f"http://127.0.0.1:{port}/clock/") == (200, b"12")
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
            assert process.wait(20) in {0, 128 + signal.SIGPIPE}, said  # the latter where output was left in a buffer
    assert said == b""
    assert system.nothing_is_left()
