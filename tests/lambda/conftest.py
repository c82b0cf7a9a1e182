from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from .fake_runtime_api import FakeRuntimeAPI, Invocation  # noqa: TID252
from .runtime_process import RuntimeProcess, event  # noqa: TID252


@dataclass
class Probe:
    """The probe application under the runtime, and the Runtime API that it talks to."""

    api: FakeRuntimeAPI
    runtime: RuntimeProcess

    def ask(self, path: str, **query: Any) -> Invocation:
        """Invoke it once and wait for the answer."""
        return self.api.invoke(event(path, **query)).wait()

    def seen(self) -> list[str]:
        """What the application has noted."""
        noted: list[str] = self.ask("/context").json["seen"]
        return noted


@pytest.fixture
def api():
    with FakeRuntimeAPI() as api:
        yield api


@pytest.fixture(scope="module")
def shared_probe():
    with FakeRuntimeAPI() as api, RuntimeProcess(api) as runtime:
        yield Probe(api, runtime)


@pytest.fixture
def probe(shared_probe):
    """One process for all tests of a file; each test must leave it alive."""
    yield shared_probe
    assert shared_probe.runtime.process.poll() is None, shared_probe.runtime.output
