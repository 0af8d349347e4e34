"""What a host gives the phone, in plain Python."""

# guide: key-store
import pathlib

import gongdan


class FileKeyStore(gongdan.KeyStore):
    """Keeps each secret in a file that its owner alone can read."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def _file(self, secret):
        return self.folder / secret.name

    def load(self, secret):
        return self._file(secret).read_bytes() if self._file(secret).exists() else None

    def save(self, secret, bytes):
        self.folder.mkdir(exist_ok=True)
        self._file(secret).touch(mode=0o600)
        self._file(secret).write_bytes(bytes)

    def destroy(self, secret):
        self._file(secret).unlink(missing_ok=True)
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
