"""FastAPI, imported without what nothing here uses.

Its import builds validators for the models of OpenAPI documents, a fifth of its time, and no such
document is served. Pydantic's ``defer_build`` leaves each to its first use; what is imported
elsewhere is not touched.
"""

from __future__ import annotations

from pydantic import BaseModel

BaseModel.model_config["defer_build"] = True
try:
    from fastapi import FastAPI
finally:
    del BaseModel.model_config["defer_build"]

__all__ = ["FastAPI"]
