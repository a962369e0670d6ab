"""A web server on this machine whose answers a test chooses, and the folder of the real data."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Server:
    """Answers a path with the (status, body, announced length) given for it, or with 404."""

    url: str
    answers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def serve(self, path, body, *, status=200, announced=None):
        length = len(body) if announced is None else announced
        self.answers[path] = (status, body, length)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.asked.append(self.path)
            status, body, length = served.answers.get(self.path, (404, b"", 0))
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        served = Server(f"http://127.0.0.1:{httpd.server_port}")
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        httpd.shutdown()
        thread.join()


@pytest.fixture
def real_data():
    """Return the folder with t10k files of the real datasets, which lies beside the repository."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not beside the repository")
    return folder
