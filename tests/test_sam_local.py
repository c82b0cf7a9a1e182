"""What ``sam local`` leaves out, and that nothing of it can be on Lambda."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.aws.sam_local import EVENTS_KEY, EVENTS_MODEL, completed, is_sam_local, lacks_upstream
from bridge.server.settings import read_settings
from bridge.turns import Options, Turn
from bridge.upstream.demonstration import demonstration

LOCAL = {"AWS_SAM_LOCAL": "true", "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST"}
LAMBDA_STREAMS = (
    "2026/11/27/[$LATEST]0123456789abcdef0123456789abcdef",
    "2026/11/27/toolbridge-Bridge-AbCd[$LATEST]0123456789abcdef0123456789abcdef",
    "2026/11/27/[7]0123456789abcdef0123456789abcdef",
)


def test_sam_cli_is_recognised():
    assert is_sam_local(LOCAL)


@pytest.mark.parametrize("stream", [*LAMBDA_STREAMS, "", "$LATEST "])
def test_a_function_that_says_so_on_lambda_is_not_believed(stream):
    assert not is_sam_local(LOCAL | {"AWS_LAMBDA_LOG_STREAM_NAME": stream})


@given(st.dictionaries(st.text(), st.text()), st.sampled_from(LAMBDA_STREAMS))
def test_no_other_variables_make_lambda_local(environ, stream):
    assert not is_sam_local(environ | {"AWS_LAMBDA_LOG_STREAM_NAME": stream})


@pytest.mark.parametrize(
    ("variables", "lacks"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"UPSTREAM_KIND": "openai_text", "UPSTREAM_URL": " "}, True, id="no-url"),
        pytest.param({"UPSTREAM_KIND": "ui_stream"}, True, id="no-url-of-a-site"),
        pytest.param({"UPSTREAM_URL": "http://x/v1"}, False, id="url"),
        pytest.param({"UPSTREAM_KIND": "bedrock"}, False, id="bedrock"),
        pytest.param({"CONFIG": "bridge.toml"}, False, id="file"),
    ],
)
def test_what_an_upstream_is_made_of(variables, lacks):
    environ = {f"TOOLBRIDGE_{name}": value for name, value in variables.items()}
    assert lacks_upstream(environ) is lacks


def test_nothing_configured_is_the_events_key_and_model():
    environ = {"TOOLBRIDGE_KEYS_PATH": "/toolbridge/prod", "TOOLBRIDGE_KEYS_TTL": "60"}
    settings = read_settings(completed(environ))
    assert settings.keys_path is None
    assert settings.api_keys == (EVENTS_KEY,)
    assert [model.id for model in settings.models] == [EVENTS_MODEL]


def test_what_is_configured_stays():
    environ = {
        "TOOLBRIDGE_API_KEYS": "tb-alice",
        "TOOLBRIDGE_MODEL": "a-name",
        "TOOLBRIDGE_UPSTREAM_URL": "http://x/v1",
    }
    assert completed(environ) == environ
    assert completed({"TOOLBRIDGE_MODEL": "a-name"})["TOOLBRIDGE_MODEL"] == "a-name"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["Hi"], "Hello!"),
        (["get_weather: …\n\nThe weather?"], '"get_weather"'),
        (["get_weather: …", "```tool_call …", "```tool_result a 1 get_weather"], "The result"),
    ],
)
def test_the_demonstration_answers(texts, said):
    turns = [Turn("user", text) for text in texts]

    async def reply() -> str:
        pieces = demonstration().stream(turns, Options(model="any"))
        return "".join([piece.text async for piece in pieces])

    assert said in asyncio.run(reply())
