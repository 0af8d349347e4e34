"""What schemathesis is told beside the document; it loads this by the variable SCHEMATHESIS_HOOKS.

GONGDAN_API_RUN names a JSON file: ``ids`` that are there, by the path's template; the ``device`` that signs, if the
run is a phone's; ``tally``, a file that what was answered is counted in.
"""

import base64
import hashlib
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import requests
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from schemathesis import HookContext

RUN = json.loads(Path(os.environ["GONGDAN_API_RUN"]).read_text())


@schemathesis.serializer("application/offset+octet-stream", "application/vnd.gongdan.sync")
def octets(_context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.hook
def map_path_parameters(context: HookContext, path_parameters):
    """Every other time something that is there."""
    there = RUN["ids"].get(context.operation.path)
    if there and path_parameters:
        drawn = hashlib.sha256(repr(sorted(path_parameters.items())).encode()).digest()
        if drawn[0] % 2:
            name = next(iter(path_parameters))
            path_parameters[name] = there[drawn[1] % len(there)]
    return path_parameters


TALLY: dict[str, Counter] = defaultdict(Counter)


@schemathesis.hook
def after_call(_context, case, response):
    TALLY[f"{case.operation.method.upper()} {case.operation.path}"][str(response.status_code)] += 1
    Path(RUN["tally"]).write_text(json.dumps(TALLY))


class Signed(requests.auth.AuthBase):
    """A device signs each request, as core/docs/sync-protocol.md says."""

    def __init__(self, device: str, secret: str):
        self.device = device
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        at = int(time.time())
        told = f"gongdan request v1\n{request.method}\n{request.path_url}\n{self.device}\n{at}\n{hashlib.sha256(body).hexdigest()}"
        signature = base64.urlsafe_b64encode(self.key.sign(told.encode())).decode().rstrip("=")
        request.headers["Authorization"] = f"Gongdan-Device {self.device}:{at}:{signature}"
        return request


if RUN.get("device"):
    schemathesis.auth.set_from_requests(Signed(**RUN["device"]))
