"""Translate SAM templates to plain CloudFormation and lint those; run by SAM CLI's own Python.

``sam validate --lint`` looks at the template before it is translated and lets much pass: invoke
modes, runtimes, references. Reads ``{name: {"template": …, "parameters": …, "lint": …}}`` as JSON,
writes ``{name: {"plain": …, "faults": […]}}``; ``plain`` is the translated template.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

REGIONS = ["eu-central-1", "us-east-1"]
os.environ.setdefault("AWS_DEFAULT_REGION", REGIONS[0])

from cfnlint.api import lint  # noqa: E402
from cfnlint.config import ManualArgs  # noqa: E402
from samtranslator.model.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class ManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def examined(asked: dict[str, Any]) -> dict[str, Any]:
    template = yaml_parse(asked["template"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://a-bucket/a-key"  # as if packaged
    try:
        plain = transform(template, asked.get("parameters", {}), ManagedPolicies())
    except InvalidDocumentException as error:
        return {"plain": {"Resources": {}}, "faults": [error.message]}
    if not asked.get("lint", True):
        return {"plain": plain, "faults": []}
    for resource in plain["Resources"].values():
        resource.pop("Metadata", None)  # what is left out for SAM's lint is looked at here
    found = lint(json.dumps(plain, default=str), config=ManualArgs(regions=REGIONS))
    faults = [f"{match.rule.id}: {match.message}" for match in found]
    return {"plain": plain, "faults": faults}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({name: examined(one) for name, one in asked.items()}, sys.stdout, default=str)
