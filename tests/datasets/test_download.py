import hashlib
import io
import os
import socket
from http.client import BadStatusLine

import pytest
import tqdm

from tinygrad_edu.datasets.download import DownloadError, fetch

BODY = bytes(range(256)) * 1000
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "folder" / "file.gz"


def left(tmp_path):
    return [name for _, _, names in os.walk(tmp_path) for name in names]


def test_file_is_downloaded_into_a_new_folder(server, target):
    server.serve("/a/file.gz", BODY)
    fetch([f"{server.url}/a/"], target, MD5)
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["file.gz"]


def test_next_mirror_is_tried_after_one_without_the_file(server, target):
    server.serve("/b/file.gz", BODY)
    fetch([f"{server.url}/a", f"{server.url}/b"], target, MD5)
    assert target.read_bytes() == BODY
    assert server.asked == ["/a/file.gz", "/b/file.gz"]


def test_mirrors_after_the_first_good_one_are_not_asked(server, target):
    server.serve("/a/file.gz", BODY)
    fetch([f"{server.url}/a", f"{server.url}/b"], target, MD5)
    assert server.asked == ["/a/file.gz"]


def test_wrong_checksum_leaves_nothing_behind(server, target, tmp_path):
    server.serve("/file.gz", b"something else")
    with pytest.raises(DownloadError, match=f"MD5 sum is [0-9a-f]{{32}} instead of {MD5}"):
        fetch([server.url], target, MD5)
    assert left(tmp_path) == []


def test_wrong_checksum_leaves_the_older_file(server, target):
    server.serve("/file.gz", b"something else")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"older")
    with pytest.raises(DownloadError):
        fetch([server.url], target, MD5)
    assert target.read_bytes() == b"older"


@pytest.mark.parametrize("kept", [0, 1, len(BODY) - 1])
def test_body_that_ends_early_leaves_nothing_behind(server, target, tmp_path, kept):
    server.serve("/file.gz", BODY[:kept], announced=len(BODY))
    with pytest.raises(DownloadError, match=f"ended after {kept} of {len(BODY)} bytes"):
        fetch([server.url], target, MD5)
    assert left(tmp_path) == []


def test_next_mirror_is_tried_after_a_damaged_file(server, target):
    server.serve("/a/file.gz", BODY[:-1])
    server.serve("/b/file.gz", BODY[:-1], announced=len(BODY))
    server.serve("/c/file.gz", BODY)
    fetch([f"{server.url}/{mirror}" for mirror in "abc"], target, MD5)
    assert target.read_bytes() == BODY


def test_every_mirrors_answer_is_reported(server, target, tmp_path):
    server.serve("/b/file.gz", b"", status=503)
    with pytest.raises(DownloadError, match=r"/a/file.gz: 404 .*; .*/b/file.gz: 503 "):
        fetch([f"{server.url}/a", f"{server.url}/b"], target, MD5)
    assert os.listdir(tmp_path) == []


def test_no_connection_is_reported_and_makes_no_folder(monkeypatch, target, tmp_path):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=f"http://127.0.0.1:{port}/file.gz: .*refused"):
        fetch([f"http://127.0.0.1:{port}"], target, MD5)
    assert os.listdir(tmp_path) == []


def test_mirror_that_never_answers_is_given_up(monkeypatch, target):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("tinygrad_edu.datasets.download._TIMEOUT", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(DownloadError, match="timed out"),
    ):
        fetch([f"http://127.0.0.1:{mute.getsockname()[1]}"], target, MD5)


def test_something_that_does_not_speak_http_is_reported(monkeypatch, target):
    monkeypatch.setattr("tinygrad_edu.datasets.download.urlopen", bad_status_line)
    with pytest.raises(DownloadError, match=r"http://mirror/file.gz: SSH-2.0"):
        fetch(["http://mirror"], target, MD5)


def bad_status_line(*_, **__):
    raise BadStatusLine("SSH-2.0")


def test_no_mirror_is_reported(target):
    with pytest.raises(DownloadError, match="no mirror"):
        fetch([], target, MD5)


def test_folder_that_cannot_be_made_is_no_fault_of_the_mirror(server, target, tmp_path):
    server.serve("/file.gz", BODY)
    (tmp_path / "new").write_text("a file where a folder is needed")
    with pytest.raises(NotADirectoryError):
        fetch([server.url], target, MD5)


def test_progress_bar_counts_every_byte(server, target, monkeypatch):
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            super().__init__(**options | {"disable": False, "file": io.StringIO()})
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    server.serve("/file.gz", BODY)
    fetch([server.url], target, MD5)
    assert [(bar.desc, bar.total, bar.n) for bar in bars] == [("file.gz", len(BODY), len(BODY))]


def test_progress_bar_is_silent_in_a_log(server, target, capfd):
    server.serve("/file.gz", BODY)
    fetch([server.url], target, MD5)
    assert capfd.readouterr() == ("", "")
