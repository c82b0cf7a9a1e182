"""FastAPI without the validators that nothing here uses."""

from __future__ import annotations

import subprocess
import sys


def in_a_fresh_process(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_of_openapi_documents_are_left_for_their_first_use() -> None:
    in_a_fresh_process(
        "from bridge.server.framework import FastAPI\n"
        "from fastapi.openapi.models import Contact\n"
        "assert not Contact.__pydantic_complete__\n"
        "assert Contact(name='a').name == 'a'\n"
    )


def test_other_models_are_built_as_ever() -> None:
    in_a_fresh_process(
        "from bridge.server.framework import FastAPI\n"
        "from pydantic import BaseModel\n"
        "class Other(BaseModel):\n"
        "    name: str\n"
        "assert Other.__pydantic_complete__\n"
        "assert not BaseModel.model_config\n"
    )


def test_documents_can_still_be_made() -> None:
    in_a_fresh_process(
        "from bridge.server.framework import FastAPI\n"
        "app = FastAPI()\n"
        "app.get('/a')(lambda: None)\n"
        "assert '/a' in app.openapi()['paths']\n"
    )
