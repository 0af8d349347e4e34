"""What a host gives the phone, in plain Python."""

# guide: key-store
import pathlib

import gongdan


class FileKeyStore(gongdan.KeyStore):
    """Keeps the key in a file that its owner alone can read."""

    def __init__(self, file: pathlib.Path):
        self.file = file

    def load(self):
        return self.file.read_bytes() if self.file.exists() else None

    def save(self, secret):
        self.file.touch(mode=0o600)
        self.file.write_bytes(secret)
# guide: end


# guide: transport
import asyncio
import urllib.error
import urllib.request


class HttpTransport(gongdan.Transport):
    """Moves requests to a server, named by an address without a path."""

    def __init__(self, server: str):
        self.server = server

    async def send(self, request):
        try:
            return await asyncio.to_thread(self._send, request)
        except OSError as error:
            raise gongdan.HostError.Failed(str(error)) from error

    def _send(self, request):
        outgoing = urllib.request.Request(
            self.server + request.path,
            method=request.method,
            data=request.body,
            headers={"Content-Type": request.content_type},
        )
        if request.authorization is not None:
            outgoing.add_header("Authorization", request.authorization)
        try:
            with urllib.request.urlopen(outgoing) as answer:
                return gongdan.Response(status=answer.status, body=answer.read())
        except urllib.error.HTTPError as problem:
            return gongdan.Response(status=problem.code, body=problem.read())
# guide: end
