"""Bedrock's ``ConverseStream`` over real HTTP and real event-stream framing.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html describes the frames:
total length, headers length, CRC-32 of these two, headers, payload, CRC-32 of all before it.
"""

from __future__ import annotations

import json
import struct
import threading
import zlib
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = 7
"""The type of a header that is a string."""


def frame(payload: bytes, **headers: str) -> bytes:
    """One frame; ``event_type="x"`` becomes the header ``:event-type``."""
    head = b""
    for name, value in headers.items():
        key, text = f":{name.replace('_', '-')}".encode(), value.encode()
        head += struct.pack("!B", len(key)) + key + struct.pack("!BH", TEXT, len(text)) + text
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    message = prelude + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(name: str, **payload: Any) -> bytes:
    body = json.dumps(payload).encode()
    return frame(body, message_type="event", event_type=name, content_type="application/json")


def failure(name: str, message: str = "no") -> bytes:
    body = json.dumps({"message": message}).encode()
    return frame(
        body, message_type="exception", exception_type=name, content_type="application/json"
    )


def text(piece: str) -> bytes:
    return event("contentBlockDelta", delta={"text": piece}, contentBlockIndex=0)


def stop(reason: str = "end_turn") -> bytes:
    return event("messageStop", stopReason=reason)


def usage(prompt: int, completion: int, **more: int) -> bytes:
    counts = {"inputTokens": prompt, "outputTokens": completion, "totalTokens": prompt + completion}
    return event("metadata", usage=counts | more, metrics={"latencyMs": 1})


class FakeBedrock(ThreadingHTTPServer):
    """Answers each request with ``script(exchange)``; keeps what was asked."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.script: Callable[[Exchange], None] = lambda exchange: exchange.stream(stop())
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.connections = 0
        self.left = threading.Event()
        """A client went before its answer was over."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def handle_error(self, *_: object) -> None:
        self.left.set()


class Exchange(BaseHTTPRequestHandler):
    server: FakeBedrock
    protocol_version = "HTTP/1.1"
    wbufsize = 0
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, json.loads(body)))
        self.server.script(self)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, *frames: bytes) -> None:
        self.begin()
        for each in frames:
            self.send(each)
        self.end()

    def hang(self) -> None:
        """Send nothing more until the client goes."""
        with suppress(ConnectionError):
            while self.connection.recv(1024):
                pass
        self.close_connection = True
        self.server.left.set()

    def refuse(self, status: int, name: str, message: str = "no", **headers: str) -> None:
        body = json.dumps({"message": message}).encode()
        self.send_response(status)
        self.send_header("x-amzn-errortype", f"{name}:http://internal.amazon.com/coral/")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def bedrock_server() -> Iterator[FakeBedrock]:
    server = FakeBedrock()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(server: FakeBedrock) -> dict[str, str]:
    """The environment variables under which boto3 goes to ``server``."""
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
