"""Somebody at the desk, by the JSON API."""

import requests

#: What no page of another site can send.
OWN = {"X-Gongdan-Request": "1"}


class Desk:
    def __init__(self, url: str, person: str, password: str):
        self.url = url
        self.person = person
        self.http = requests.Session()
        self.http.headers.update(OWN)
        answer = self.post("/v1/session", {"username": person, "password": password})
        assert answer.status_code == 200, answer.text

    @property
    def cookie(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies)

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url + path)

    def post(self, path: str, body: dict) -> requests.Response:
        return self.http.post(self.url + path, json=body)
