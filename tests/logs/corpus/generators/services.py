"""Writes 40 lines with a real nginx or journald: ``python -m tests.logs.corpus.generators.services NAME``.

nginx answers requests on a port of this machine and stops. Its errors are of files that do not exist, beside notices of
its own. journald's files are written by ``systemd-journal-remote`` from entries in the export format, and read by
``journalctl``.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

COMMANDS = ("nginx", "journalctl", "systemd-journal-remote")
_CONFIGURATION = """
daemon off; pid {folder}/pid; error_log {folder}/error.log notice; worker_processes 1;
events {{ }}
http {{
  access_log {folder}/access.log combined;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    rewrite_log on;
    root {folder};
    location /ok {{ rewrite ^/ok/(.*)$ /answer/$1 last; }}
    location /answer {{ return 200 ok; }}
    location /failed {{ return 503; }}
    location /missing {{ }}
  }}
}}
"""


def nginx(kind: str) -> list[str]:
    """Return 40 lines of the log: requests that fail and others in turn, or errors and notices in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port))
        process = subprocess.Popen((_path("nginx"), "-p", folder, "-c", configuration), stderr=subprocess.DEVNULL)
        try:
            _await(port)
            bad = "failed" if kind == "access" else "missing"
            for number in range(40):
                _ask(f"http://127.0.0.1:{port}/{bad if number % 2 else 'ok'}/lead-{number}-was-looked-at")
        finally:
            process.terminate()
            process.wait(30)
        lines = (folder / f"{kind}.log").read_text().replace(name, "/srv").splitlines()
    return [each for each in lines if "-was-looked-at" in each and "rewritten data" not in each]


def _path(command: str) -> str:
    return shutil.which(command) or command


def _await(port: int) -> None:
    for _ in range(200):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("nginx does not listen")


def _ask(url: str) -> None:
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - a port of this machine
            pass
    except urllib.error.HTTPError as error:
        error.close()


def journald(output: str) -> list[str]:
    """Return a journal's 40 entries in a form of ``journalctl``; entries in the export format are of several lines."""
    begin = 1_772_442_720_250_000
    entries = []
    for number in range(40):
        fields = {
            "__CURSOR": f"s=1;i={number + 1:x}",
            "__REALTIME_TIMESTAMP": str(begin + number * 1_000_000),
            "__MONOTONIC_TIMESTAMP": str(1_000_000 * (number + 1)),
            "_BOOT_ID": "0123456789abcdef0123456789abcdef",
            "_MACHINE_ID": "0123456789abcdef0123456789abcdef",
            "_TRANSPORT": "syslog",
            "_HOSTNAME": "web-1",
            "_PID": "7",
            "SYSLOG_IDENTIFIER": "app",
            "PRIORITY": "3" if number % 2 else "6" if number % 4 == 0 else "4",
            "MESSAGE": f"lead {number} was looked at",
        }
        entries.append("".join(f"{name}={value}\n" for name, value in fields.items()))
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "corpus.journal"
        subprocess.run(
            (_path("systemd-journal-remote"), "-o", journal, "-"),
            input="\n".join(entries) + "\n",
            check=True,
            text=True,
        )
        found = subprocess.run(
            (_path("journalctl"), "--file", journal, "-o", output, "--no-pager", "--utc", "-q"),
            check=True,
            capture_output=True,
            text=True,
        )
    return found.stdout.splitlines()


def main(name: str) -> None:
    """Print the lines."""
    kind, _, form = name.partition("-")
    sys.stdout.write("\n".join(nginx(form) if kind == "nginx" else journald(form)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
