"""What an upstream says of a request that it refuses, as far as a log may hold it."""

from __future__ import annotations

import json

import pytest

from bridge.upstream.scrubbed import MAX_SAID, scrubbed

PROMPT = (
    "My name is Alice Liddell.\nThe launch code for the rabbit hole is sesame, "
    'and "hunter" is the other one. 北京'
)
SENT = json.dumps({"messages": [{"role": "user", "content": PROMPT}]}, ensure_ascii=False).encode()
SECRETS = ["Bearer opensesame", "tenant-wonderland", "x"]

KEPT = [
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "System message must be at the beginning.",
    "After the optional system message, conversation roles must alternate user and assistant",
    "Only user, assistant and tool roles are supported!",
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "max_tokens must be at most 8192",
    "Unknown parameter: 'stream_options'.",
]


@pytest.mark.parametrize("message", KEPT)
def test_why_a_request_is_refused_can_be_read(message):
    assert scrubbed(message, SENT, SECRETS) == message


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("bad input: the launch code for the rabbit hole", "bad input: …"),
        ("bad input: The  Launch, Code for it", "bad input: … it"),
        ("content 'sesame' is refused", "content … is refused"),
        ('content "hunter" is refused', "content … is refused"),
        ("refused for Alice and others", "refused for … and others"),
        ("the key opensesame is wrong", "the key … is wrong"),
        ("Bearer opensesame", "…"),
        ("no tenant-wonderland here", "no … here"),
        ("Incorrect API key provided: sk-proj-abcdEFGH1234", "Incorrect API key provided: …"),
        ("see https://inner.example/secret for more", "see … for more"),
        ("host inner.example:8080 at 192.0.2.7", "host … at …"),
        ("ask alice@example.com", "ask …"),
        ("org-AbC123 has no quota", "… has no quota"),
        ("file models/secret.bin is gone", "file … is gone"),
        ("text 北京 is refused", "text … is refused"),
        ("a\nb\x1b[31m c\x00", "a … …"),
        ("deadbeef0123456789 " * 50, "…"),
        ("aGVsbG9oZWxsb2hlbGxvaGVsbG8", "…"),
        ("12345678901234567890", "…"),
        ("", ""),
        ("<html><title>Not found</title></html>", ""),
        (" \n<!doctype html> not found", ""),
    ],
)
def test_what_may_be_secret_is_left_out(message, said):
    found = scrubbed(message, SENT, SECRETS)
    assert found == ("" if said == "…" else said.replace("… …", "…"))
    assert found.isprintable()


def test_it_is_short():
    assert len(scrubbed("many words " * 1000, SENT)) == MAX_SAID
    assert scrubbed("very long " + "x" * 1_000_000, b"") == "very long …"


def test_a_short_message_of_the_request_alone_is_nothing():
    assert scrubbed("launch code for", SENT) == ""
