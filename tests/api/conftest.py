"""The real server on a data folder of its own, with the sample organisation and some tickets."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from desk import Desk

ROOT = Path(__file__).parents[2]
SERVER = os.environ.get("GONGDAN_SERVER", str(ROOT / "target/debug/gongdan"))
SAMPLE = ROOT / "server/sample"


class Server:
    """A running server and its command line."""

    def __init__(self, folder: Path, url: str):
        self.folder = folder
        self.url = url

    def command(self, *arguments: str) -> str:
        return command(self.folder, *arguments)

    def desk(self, person: str, *more: str) -> Desk:
        """Somebody of the sample, or with ``--name`` and ``--role`` somebody new, signed in."""
        password = re.search(r"password: (\S+)", self.command("user", "add", person, *more))[1]
        return Desk(self.url, person, password)


def command(folder: Path, *arguments: str) -> str:
    run = [SERVER, "--data", str(folder), *arguments]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    command(folder, "org", "load", str(SAMPLE / "organisation.toml"))
    command(folder, "import", str(SAMPLE / "requests.csv"))
    serve = [SERVER, "--data", str(folder), "serve", "--listen", "127.0.0.1:0"]
    log = (folder / "log").open("w")
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=log, text=True)
    for line in process.stdout:
        if found := re.search(r"https?://\S+", line):
            break
    else:
        raise AssertionError("the server ended before it listened")
    yield Server(folder, found[0])
    process.terminate()
    process.wait(20)
