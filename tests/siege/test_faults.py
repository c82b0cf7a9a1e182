"""Every way in which an upstream fails, and how the request behind it then ends.

Before the first piece: a status and OpenAI's error object, streamed or not. After it: one error
event, no finish_reason, no [DONE]. Never a word of what the upstream wrote.
"""

from __future__ import annotations

import pytest

from bridge import errors
from tests.local_server import chat as chat_body
from tests.siege.faults import CANARY, FAULTS
from tests.test_streaming import content_of, events_of

KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.BridgeError)
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_as_it_should(siege, name, stream):
    fault = FAULTS[name]
    if fault.answers:
        siege.answers(*fault.answers)
    response = siege.ask({**chat_body(stream=stream), "model": fault.model})
    kind = KINDS[fault.code]
    if fault.text and stream:
        assert response.status_code == 200
        *before, last = events_of(response.text)
        assert content_of(before) == fault.text
        assert all(event["choices"][0]["finish_reason"] is None for event in before)
        error = last["error"]
        assert response.text.endswith("}\n\n")
    else:
        assert response.status_code == kind.status
        assert response.headers["content-type"] == "application/json"
        assert response.headers.get("retry-after") == fault.waits
        (error,) = response.json().values()
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == (kind.type, kind.code)
    assert len(siege.up.requests) == fault.asked
    assert CANARY not in str(response.headers) + response.text + siege.server.log
