"""The real server, with the sample organisation, on a folder and a port of its own; and a desk."""

import http.cookiejar
import json
import os
import pathlib
import re
import subprocess
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("GONGDAN_SERVER", str(ROOT / "target" / "debug" / "gongdan"))


class Server:
    def __init__(self, folder: pathlib.Path):
        self.data = folder / "data"
        self.run("org", "load", str(ROOT / "server" / "sample" / "organisation.toml"))
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            self._command("serve", "--listen", "127.0.0.1:0"), stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        # The server says where it listens in its first line, once it takes requests.
        line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+", line).group()

    def invite(self, person: str) -> str:
        """Invites a device; gives what the QR code says."""
        return re.search(r"gongdan://\S+", self.run("--public-url", self.url, "device", "invite", person)).group()

    def desk(self, person: str) -> "Desk":
        password = "a long enough password"
        self.run("user", "add", person, "--password-stdin", text=password)
        return Desk(self.url, person, password)

    def run(self, *arguments, text=""):
        done = subprocess.run(self._command(*arguments), input=text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, *arguments):
        return [BINARY, "--data", str(self.data), *arguments]

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.log.close()


class Desk:
    """Somebody at the desk, over the console's JSON API."""

    def __init__(self, server: str, person: str, password: str):
        self.server = server
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.send("POST", "/v1/session", {"username": person, "password": password})

    def open(self, problem: str, **facts: str) -> str:
        """Takes a request in and gives its ticket's id."""
        facts = {"ticket_type": "repair", "channel": "phone", "region": "east", "product_line": "aircon", **facts}
        fields = [{"field": field, "value": value} for field, value in facts.items()]
        customer = [{"field": "customer_name", "value": "穆清扬"}]
        opened = self.send(
            "POST",
            "/v1/tickets",
            {"commands": [{"open": {"fields": fields, "problem": problem}}, {"record_customer": {"fields": customer}}]},
        )
        return opened["id"]

    def assign(self, ticket: str, person: str):
        self.execute(ticket, {"assign": {"crew": [person], "lead": person, "group": None}})

    def execute(self, ticket: str, command):
        self.send("POST", f"/v1/tickets/{ticket}/commands", {"commands": [command]})

    def ticket(self, ticket: str):
        return self.send("GET", f"/v1/tickets/{ticket}")["ticket"]

    def send(self, method: str, path: str, body=None):
        request = urllib.request.Request(
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-Gongdan-Request": "1"},
        )
        with self.opener.open(request) as answer:
            text = answer.read()
            return json.loads(text) if text else None
