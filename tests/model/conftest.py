"""The embedded model, loaded once; fetched first where it is not yet."""

import asyncio
import os

import pytest

from bridge.upstream.llama import Llama
from bridge.upstream.llama_fetch import fetch


@pytest.fixture(scope="session")
def model_path():
    return fetch(os.environ)


@pytest.fixture(scope="session")
def llama(model_path):
    llama = Llama.load(model_path)
    yield llama
    asyncio.run(llama.aclose())
