"""The signed call of SSM: when it is made, how it is signed, and what it reads."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bridge.aws import ssm
from bridge.aws.key_reader import ReadRefused, ssm_reader
from tests.fake_ssm import DENIED, PATH, THROTTLED, environment, ssm_server

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG"}
REGION = {"AWS_REGION": "eu-central-1"}
CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
WHERE = "https://ssm.eu-central-1.amazonaws.com"
needs_signer = pytest.mark.skipif(not ssm.can_sign(), reason="AWS's signer wants Python 3.12")


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        pytest.param({**REGION, **KEYS}, WHERE, id="as on Lambda"),
        pytest.param({**REGION, **KEYS, "AWS_SESSION_TOKEN": "t"}, WHERE, id="with a token"),
        pytest.param({**REGION, CONTAINER: "http://127.0.0.1:9001/c"}, WHERE, id="under SnapStart"),
        pytest.param({**REGION, CONTAINER: "http://evil.example/c"}, None, id="from elsewhere"),
        pytest.param(
            {**KEYS, "AWS_REGION": "us-gov-west-1"},
            "https://ssm.us-gov-west-1.amazonaws.com",
            id="GovCloud",
        ),
        pytest.param({**KEYS, "AWS_REGION": "cn-north-1"}, None, id="China"),
        pytest.param({**KEYS, "AWS_REGION": "us-iso-east-1"}, None, id="isolated"),
        pytest.param({**KEYS, "AWS_REGION": "eusc-de-east-1"}, None, id="sovereign"),
        pytest.param(KEYS, None, id="no region"),
        pytest.param(REGION, None, id="no credentials"),
        pytest.param({**REGION, **KEYS, "AWS_PROFILE": "mine"}, None, id="profile"),
        pytest.param({**REGION, **KEYS, "AWS_USE_FIPS_ENDPOINT": "true"}, None, id="FIPS"),
        pytest.param({**REGION, **KEYS, "HTTPS_PROXY": "http://p:1"}, None, id="proxy"),
        pytest.param(
            {**REGION, **KEYS, "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:5"},
            "http://127.0.0.1:5",
            id="another endpoint",
        ),
    ],
)
def test_where_the_environment_says_all_that_is_needed(
    environ: dict[str, str], endpoint: str | None
) -> None:
    found = ssm.account(environ)
    assert (found and found.endpoint.geturl()) == endpoint


@needs_signer
@pytest.mark.parametrize("token", ["", "a-session-token"])
@pytest.mark.parametrize("root", ["/toolbridge/prod", "/straße/ключи"])
def test_it_is_signed_as_awss_client_signs(token: str, root: str) -> None:
    account = ssm.account({**REGION, **KEYS, "AWS_SESSION_TOKEN": token})
    assert account is not None
    body = json.dumps({"Path": root, "Recursive": True}).encode()
    date = "20261127T073000Z"
    ours = ssm.signed(account, account.credentials, body, date)
    access_key, secret_key = KEYS.values()
    credentials = Credentials(access_key, secret_key, token or None)
    request = AWSRequest("POST", f"{WHERE}/", data=body)
    for name in ("Content-Type", "X-Amz-Target", "X-Amz-Date"):
        request.headers[name] = ours[name]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.context["timestamp"] = date
    theirs = SigV4Auth(credentials, "ssm", "eu-central-1")
    wanted = theirs.signature(
        theirs.string_to_sign(request, theirs.canonical_request(request)), request
    )
    assert ours["Authorization"].endswith(f"Signature={wanted}")
    assert ours.get("X-Amz-Security-Token", "") == token


@pytest.fixture(scope="module")
def running():
    with ssm_server() as server:
        yield server


@pytest.fixture
def environ(running):
    running.clear()
    running.door.answer = None
    return environment(running.door)


@needs_signer
def test_every_page_is_read_and_decrypted(running, environ) -> None:
    for number in range(23):
        running.put(f"clients/c{number}", f"tb-{number}")
    running.door.calls = 0
    found = ssm_reader(PATH, environ)()
    assert found == {f"clients/c{number}": f"tb-{number}" for number in range(23)}
    assert running.door.calls == 3


@needs_signer
@pytest.mark.parametrize(
    ("answer", "raised"),
    [(DENIED, ReadRefused), (THROTTLED, ssm.SSMError), (b"<html>", ssm.SSMError)],
)
def test_a_refusal_is_told_by_its_kind(running, environ, answer: bytes, raised: type) -> None:
    running.door.answer = answer
    with pytest.raises(raised):
        ssm_reader(PATH, environ)()


class CredentialsServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Credential)
        self.asked: list[tuple[str, str | None]] = []


class Credential(BaseHTTPRequestHandler):
    server: CredentialsServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["authorization"]))
        body = json.dumps(
            {
                "AccessKeyId": "AKID",
                "SecretAccessKey": "secret",  # pragma: allowlist secret
                "Token": "session",
            }
        ).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@needs_signer
def test_a_copy_of_a_snapshot_fetches_its_credentials(running, environ) -> None:
    running.put("clients/alice", "tb-alice")
    with CredentialsServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        given = {
            "AWS_REGION": environ["AWS_REGION"],
            "AWS_ENDPOINT_URL_SSM": environ["AWS_ENDPOINT_URL_SSM"],
            CONTAINER: f"http://127.0.0.1:{server.server_port}/credentials?v=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-token",
        }
        read = ssm_reader(PATH, given)
        assert read() == read() == {"clients/alice": "tb-alice"}
        server.shutdown()
        thread.join()
    # Asked anew each time: they may have been renewed.
    assert server.asked == [("/credentials?v=1", "the-token")] * 2
    assert running.door.headers["x-amz-security-token"] == "session"
