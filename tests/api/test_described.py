"""The JSON API against its own OpenAPI document: no 5xx, no status, type or body that is not described.

Requests are drawn from the document by schemathesis, always the same ones, as an administrator, as an intake clerk,
as a partner's manager (to whom no ticket belongs) and as a phone that signs what it sends.
"""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

HERE = Path(__file__).parent
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
]
#: Requests drawn for one operation, beside those that its parameters' limits ask for.
EXAMPLES = 12
#: Ends with the connection; its own tests listen to it.
STREAMS = "/v1/events"
#: What ends the session or begins another, the answer naming which: asked last.
ENDS_THE_SESSION = ["/v1/session", "/v1/account/totp", "/v1/account/sessions/{id}"]
#: What only a phone is given.
OF_PHONES = ["/v1/sync", "/v1/token", "/v1/certificate", "/v1/incarnation", "/v1/catalogue", "/v1/blobs/{hash}"]


def document(url: str, folder: Path) -> Path:
    """The document without its security: who asks is settled by the run, and tried out by the matrix of routes."""
    described = requests.get(f"{url}/v1/openapi.json", timeout=10).json()
    described["components"].pop("securitySchemes")
    for item in described["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    file = folder / "openapi.json"
    file.write_text(json.dumps(described))
    return file


def drawn(server, folder: Path, run: dict, *arguments: str) -> dict[str, dict[str, int]]:
    """Runs schemathesis; how often each operation answered what."""
    (folder / "run.json").write_text(json.dumps({"ids": {}, **run, "tally": str(folder / "tally.json")}))
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        "GONGDAN_API_RUN": str(folder / "run.json"),
        "PYTHONPATH": str(HERE),
    }
    ran = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "run", document(server.url, folder), "--url", server.url,
            "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
            "--seed", "20261125", "--generation-database", "none", "--suppress-health-check", "all",
            "--continue-on-failure", "--warnings", "off", "--no-color",
            "--header", "X-Gongdan-Request: 1", "--header", "Tus-Resumable: 1.0.0", *arguments,
        ],
        cwd=folder, env=environment, capture_output=True, text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads((folder / "tally.json").read_text())


def told(capsys, who: str, tally: dict[str, dict[str, int]]) -> list[str]:
    """Prints a line of figures; the operations that were done at least once."""
    done = sorted(name for name, answers in tally.items() if any(status < "4" for status in answers))
    asked = sum(count for answers in tally.values() for count in answers.values())
    with capsys.disabled():
        print(f"\n{who}: {asked} requests to {len(tally)} operations, {len(done)} of which did something")
    assert not [name for name, answers in tally.items() if any(status >= "5" for status in answers)]
    return done


def ids(desk) -> dict[str, list[str]]:
    """Some of what is there, for the paths that name it."""
    tickets = [row["id"] for row in desk.get("/v1/tickets?limit=5").json()["items"]]
    paths = ["", "/export", "/timeline", "/commands"]
    return {f"/v1/tickets/{{id}}{path}": tickets for path in paths}


def at_the_desk(server, desk, folder: Path, more: dict[str, list[str]] | None = None) -> dict[str, dict[str, int]]:
    run = {"ids": {**ids(server.desk("G3001")), **(more or {})}}
    cookie = ["--header", f"Cookie: {desk.cookie}"]
    without = [argument for path in [STREAMS, *ENDS_THE_SESSION] for argument in ("--exclude-path", path)]
    tally = drawn(server, folder, run, *cookie, *without)
    assert desk.get("/v1/session").status_code == 200, "the session did not end on the way"
    last = [argument for path in ENDS_THE_SESSION for argument in ("--include-path", path)]
    return {**tally, **drawn(server, folder, run, *cookie, *last)}


def test_an_administrator_hears_nothing_undescribed(server, tmp_path, capsys):
    desk = server.desk("G1001")
    invited = [server.command("device", "invite", "G4003") for _ in range(2)]
    devices = [enrol(server, re.search(r"code: (\S+)", text)[1])[0] for text in invited]
    paths = ["", "/revocation", "/wipe"]
    people = ["", "/password", "/second-factors", "/sessions"]
    more = {
        **{f"/v1/devices/{{id}}{path}": devices for path in paths},
        **{f"/v1/users/{{id}}{path}": ["G4004", "G4005"] for path in people},
    }
    done = told(capsys, "administrator", at_the_desk(server, desk, tmp_path, more))
    for operation in ["GET /v1/tickets", "GET /v1/tickets/{id}", "GET /v1/tickets/export", "GET /v1/audit", "PATCH /v1/users/{id}"]:
        assert operation in done
    assert len(done) > 25


def test_an_intake_clerk_hears_nothing_undescribed(server, tmp_path, capsys):
    done = told(capsys, "intake clerk", at_the_desk(server, server.desk("G2001"), tmp_path))
    assert "GET /v1/tickets/{id}" in done
    assert not [name for name in done if "/v1/users" in name or "/export" in name or "/v1/audit" in name]


def test_a_partners_manager_hears_nothing_undescribed(server, tmp_path, capsys):
    desk = server.desk("G9002", "--name", "江一帆", "--role", "partner_manager", "--unit", "partner-anju")
    done = told(capsys, "partner's manager", at_the_desk(server, desk, tmp_path))
    assert not [name for name in done if "tickets" in name or "users" in name or "devices" in name]


def enrol(server, code: str) -> tuple[str, str]:
    """Id and secret key of a phone."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    body = {"code": code, "public_key": base64.urlsafe_b64encode(public).decode().rstrip("="), "device_name": "a phone"}
    answer = requests.post(f"{server.url}/v1/enrol", json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    secret = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return answer.json()["device"], secret.hex()


def test_a_phone_hears_nothing_undescribed(server, tmp_path, capsys):
    invited = server.command("device", "invite", "G4001")
    device, secret = enrol(server, re.search(r"code: (\S+)", invited)[1])
    only = [argument for path in OF_PHONES for argument in ("--include-path", path)]
    tally = drawn(server, tmp_path, {"device": {"device": device, "secret": secret}}, *only)
    done = told(capsys, "phone", tally)
    assert {"POST /v1/token", "GET /v1/catalogue", "POST /v1/certificate"} <= set(done)
    assert "401" not in tally["POST /v1/sync"], "the signature holds"
