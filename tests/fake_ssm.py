"""SSM over real HTTP: moto's server, and a door before it that can be shut, slowed or throttled."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/toolbridge/test"
REGION = "eu-central-1"
THROTTLED = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
DENIED = b'{"__type": "AccessDeniedException", "message": "not authorized"}'


class Door(ThreadingHTTPServer):
    """Passes requests on to ``behind``; counts them. ``answer`` is a 400 given instead."""

    daemon_threads = True

    def __init__(self, behind: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.behind = behind
        self.calls = 0
        self.delay = 0.0
        self.throttled = 0
        """How many of the next calls are."""
        self.open = threading.Event()
        """Answers leave while it is set."""
        self.open.set()
        self.answer: bytes | None = None
        self.headers: dict[str, str] = {}
        """Of the last request, with lower-case names."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Passage(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        door = self.server
        with door.lock:
            refusal = THROTTLED if door.throttled else door.answer
            door.throttled = max(0, door.throttled - 1)
            door.calls += 1
            door.headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(self.headers["content-length"]))
        status, answer = (400, refusal) if refusal else self.forwarded(body)
        time.sleep(door.delay)
        door.open.wait()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(answer)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def forwarded(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.server.behind)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        pass


class SSM:
    """What a test does to the parameters, and to the door that the code under test goes through."""

    def __init__(self, door: Door, client: Any) -> None:
        self.door = door
        self.client = client

    def put(self, name: str, value: str) -> None:
        self.client.put_parameter(
            Name=f"{PATH}/{name}", Value=value, Type="SecureString", Overwrite=True
        )

    def delete(self, name: str) -> None:
        self.client.delete_parameter(Name=f"{PATH}/{name}")

    def names(self) -> list[str]:
        pages = self.client.get_paginator("get_parameters_by_path").paginate(
            Path=PATH, Recursive=True
        )
        return sorted(found["Name"] for page in pages for found in page["Parameters"])

    def value(self, name: str) -> str:
        answer = self.client.get_parameter(Name=f"{PATH}/{name}", WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def clear(self) -> None:
        for name in self.names():
            self.client.delete_parameter(Name=name)


@contextmanager
def ssm_server() -> Iterator[SSM]:
    """Start moto and the door; stop both."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    door = Door((host, port))
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    client = boto3.client(
        "ssm",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    try:
        yield SSM(door, client)
    finally:
        client.close()
        door.shutdown()
        door.server_close()
        thread.join()
        moto.stop()


def environment(door: Door) -> dict[str, str]:
    """The environment variables under which AWS's libraries go through the door."""
    return {
        "AWS_ENDPOINT_URL_SSM": door.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
