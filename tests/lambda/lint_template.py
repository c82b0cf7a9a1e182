"""Translate SAM templates to plain CloudFormation and lint those; run by SAM CLI's own Python.

``sam validate --lint`` looks at the template before it is translated and lets much pass: invoke
modes, runtimes, references. Reads ``{name: template}`` as JSON, writes
``{name: {"resources": …, "faults": […]}}``.
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


def examined(text: str) -> dict[str, Any]:
    template = yaml_parse(text)
    # As if packaged.
    template["Globals"]["Function"]["CodeUri"] = "s3://a-bucket/a-key"
    try:
        plain = transform(template, {}, ManagedPolicies())
    except InvalidDocumentException as error:
        return {"resources": {}, "faults": [error.message]}
    for resource in plain["Resources"].values():
        resource.pop("Metadata", None)  # what is left out for SAM's lint is looked at here
    found = lint(json.dumps(plain, default=str), config=ManualArgs(regions=REGIONS))
    faults = [f"{match.rule.id}: {match.message}" for match in found]
    return {"resources": plain["Resources"], "faults": faults}


if __name__ == "__main__":
    templates = json.load(sys.stdin)
    json.dump({name: examined(text) for name, text in templates.items()}, sys.stdout, default=str)
