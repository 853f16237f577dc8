"""`manage.py preview_forward` and `update_tracker_lists`, as an operator runs them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from emails.tracker_lists import load
from tests.environment import SETTINGS
from tools.local import processes

ROOT = Path(__file__).parents[3]
HTML = b'<p>hi</p><img src="https://x.tracker.example/o.gif"><img src="https://t.yesware.com/o">'
MAIL = b"From: bob@sender.example\r\nSubject: hi\r\nContent-Type: text/html\r\n\r\n" + HTML


def manage(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command with no other environment variables."""
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    return processes.run(command, {"PATH": os.environ["PATH"]} | environ)


def preview(out: Path, *files: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    addresses = ("--mask", "x7@masks.example", "--to", "me@home.example")
    return manage("preview_forward", *addresses, "--out", out, *files, **environ)


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    file = tmp_path / "news.eml"
    file.write_bytes(MAIL)
    return file


def test_static_files_are_collected_without_any_setting() -> None:
    done = manage("collectstatic", "--noinput", "--dry-run")

    assert done.stderr == ""
    assert "static files" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "dead_letters"),
        (["help"], "dead_letters"),
        (["--help"], "dead_letters"),
        (["help", "redrive"], "--per-second"),
        (["redrive", "--help"], "--per-second"),
        (["dead_letters", "requeue", "-h"], "--dry-run"),
        (["--version"], "."),
    ],
)
def test_help_needs_no_setting(arguments: list[str], said: str) -> None:
    done = manage(*arguments)

    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


def test_other_commands_require_their_settings() -> None:
    done = manage("redrive", "--status")

    assert done.returncode == 1
    assert "settings.SECRET_KEY is not set" in done.stderr


def test_a_preview_needs_no_setting_and_no_server(tmp_path: Path, mail: Path) -> None:
    done = preview(tmp_path / "out", mail)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "file": str(mail),
        "ok": True,
        "issues": ["bad_date"],
        "trackers_removed": {"t.yesware.com": 1},
        "error": None,
    }
    written = (tmp_path / "out" / "news.eml").read_bytes()
    assert b"To: me@home.example\r\n" in written
    assert b"t.yesware.com (1)" in written
    assert b"x.tracker.example" in written


def test_a_preview_uses_the_same_tracker_lists_as_the_workers(tmp_path: Path, mail: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "ours.txt").write_text("tracker.example\n")
    done = preview(tmp_path / "out", mail, TRACKER_LIST_DIR=str(lists))
    removed = json.loads(done.stdout)["trackers_removed"]
    assert removed == {"t.yesware.com": 1, "tracker.example": 1}


def test_a_file_that_fails_is_named_and_the_others_are_written(tmp_path: Path, mail: Path) -> None:
    again = tmp_path / "again" / "news.eml"
    again.parent.mkdir()
    again.write_bytes(MAIL)
    out = tmp_path / "out"
    done = preview(out, tmp_path / "missing.eml", mail, again, tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["ok"] for one in lines] == [False, True, False, False]
    assert lines[0]["error"].endswith("missing.eml: No such file or directory")
    assert lines[2]["error"] == f"another file was written to {out / 'news.eml'}"
    assert lines[3]["error"].endswith("Is a directory")
    assert done.returncode == 1
    assert "3 of 4 files could not be rewritten." in done.stderr
    assert (out / "news.eml").exists()


def test_a_mail_is_not_written_over_its_own_preview(tmp_path: Path, mail: Path) -> None:
    done = preview(tmp_path, mail)
    assert json.loads(done.stdout)["error"] == "--out must not be the folder of the file itself"
    assert mail.read_bytes() == MAIL


@pytest.mark.parametrize("option", ["--mask", "--to"])
def test_an_invalid_address_is_refused(tmp_path: Path, mail: Path, option: str) -> None:
    done = preview(tmp_path / "out", mail, option, "nobody")
    assert done.returncode == 1
    assert f"{option} must be a mail address" in done.stderr


@pytest.mark.skipif(
    not shutil.which("chromium") and "CI" not in os.environ, reason="there is no Chromium here"
)
def test_a_screenshot_is_taken_of_the_html(tmp_path: Path, mail: Path) -> None:
    done = preview(tmp_path / "out", mail, "--screenshot")
    if os.geteuid() == 0:
        # test_screenshots.py takes them as another user.
        assert "run the command as another user" in done.stderr
        return
    assert json.loads(done.stdout)["ok"] is True
    picture = (tmp_path / "out" / "news.eml.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


def test_without_a_browser_a_screenshot_is_refused(tmp_path: Path, mail: Path) -> None:
    done = preview(tmp_path / "out", mail, "--screenshot", PATH=str(tmp_path))
    assert "--screenshot needs one of these programs: chromium" in done.stderr


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    return folder


def update(lists: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = SETTINGS | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    return manage("update_tracker_lists", *arguments, **environ, TRACKER_LIST_DIR=str(lists))


def test_lists_are_merged_for_the_workers(tmp_path: Path, lists: Path) -> None:
    (tmp_path / "a").write_text("0.0.0.0 one.example\n||two.example^\n")
    (tmp_path / "b").write_text("two.example\nthree.example\n")
    done = update(lists, tmp_path / "a", tmp_path / "b")
    assert done.stdout.splitlines()[-1] == "The list now has 3 domains; before, it had 0."
    assert {"one.example", "two.example", "three.example"} <= load(lists)
    assert "t.yesware.com" in load(lists)


def test_a_source_that_fails_changes_nothing(tmp_path: Path, lists: Path) -> None:
    (tmp_path / "a").write_text("one.example\n")
    (tmp_path / "empty").write_text("<html>Not found</html>\n")
    sources = (tmp_path / "a", tmp_path / "gone", tmp_path / "empty", "http://lists.example/")
    done = update(lists, *sources)
    assert done.returncode == 1
    assert f"{tmp_path}/gone: No such file or directory" in done.stderr
    assert f"{tmp_path}/empty: it contains no domains" in done.stderr
    assert "http://lists.example/: must be a file or an https URL" in done.stderr
    assert list(lists.iterdir()) == []


def test_a_list_that_has_shrunk_is_accepted_only_by_force(tmp_path: Path, lists: Path) -> None:
    source = tmp_path / "a"
    source.write_text("".join(f"t{n}.example\n" for n in range(9)))
    update(lists, source)
    source.write_text("t1.example\nt2.example\n")
    done = update(lists, source)
    assert "The new list has 2 domains, the old one 9. Nothing changed;" in done.stderr
    assert "t8.example" in load(lists)
    assert update(lists, source, "--force").returncode == 0
    assert "t8.example" not in load(lists)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serve the folder, without TLS."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_host_without_tls_is_named(lists: Path, web: str) -> None:
    done = update(lists, f"{web}/a")
    assert f"{web}/a: " in done.stderr
    assert "Traceback" not in done.stderr
