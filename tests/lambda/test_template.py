"""template.yaml: as SAM sees it, as CloudFormation will see it, and with faults planted in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from bridge.server.variables import VARIABLES

from .package import ROOT, SAM  # noqa: TID252

TEMPLATE = ROOT / "template.yaml"
TEXT = TEMPLATE.read_text("utf-8")

pytestmark = pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI")

FAULTS = {
    "an invoke mode that is none": ("InvokeMode: RESPONSE_STREAM", "InvokeMode: STREAM"),
    "a runtime that is none": ("Runtime: python3.13", "Runtime: python3.99"),
    "an authorisation that is none": ("AuthType: NONE", "AuthType: OPEN"),
    "a timeout over Lambda's": ("Timeout: !Ref Timeout", "Timeout: 1000"),
    "an architecture that is none": ("Architectures: [!Ref Architecture]", "Architectures: [arm]"),
    "a reference to nothing": ("!Ref KeysTtl", "!Ref KeyTtl"),
    "an attribute of nothing": ("${BridgeUrl.FunctionUrl}", "${BridgeUrlX.FunctionUrl}"),
    "a capacity provider that is none": ("!GetAtt Capacity.Arn", "!GetAtt Capacities.Arn"),
    "a wrong property": ("RetentionInDays:", "RetentionDays:"),
    "a preflight method": ("AllowMethods: [GET, POST]", "AllowMethods: [OPTIONS]"),
    "a reserved variable": ("POWERTOOLS_METRICS_DISABLED:", "AWS_LAMBDA_FUNCTION_NAME:"),
    "a statement without an effect": ("Effect: Allow\n                Action: ssm", "Action: ssm"),
    "an alarm on nothing": ("MetricName: Failed", "MetricsName: Failed"),
    "an unused condition": ("!If [MetricsOff,", "!If [FromFile,"),
}


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, **options
    )


@pytest.fixture(scope="module")
def examined() -> dict[str, Any]:
    templates = {"good": TEXT}
    for name, (right, wrong) in FAULTS.items():
        assert right in TEXT, name
        templates[name] = TEXT.replace(right, wrong)
    script = Path(__file__).with_name("lint_template.py")
    done = run(SAM / "bin" / "python", script, input=json.dumps(templates))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def resources(examined: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = examined["good"]["resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: made for name, made in resources.items() if made["Type"] == kind}


def statements(resources: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = resources["Role"]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_sam_validates_it_without_region_or_credentials():
    done = run(SAM / "bin" / "sam", "validate", "--lint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_what_it_becomes_is_clean(examined):
    assert examined["good"]["faults"] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(examined, fault):
    assert examined[fault]["faults"] != []


@pytest.mark.parametrize(
    ("function", "condition"), [("Bridge", "OnDemand"), ("BridgeOnInstances", "OnInstances")]
)
def test_a_function_streams_to_anyone_through_our_runtime(resources, function, condition):
    made = resources[function]
    url = resources[f"{function}Url"]
    permissions = [
        permission["Properties"]
        for name, permission in of_type(resources, "AWS::Lambda::Permission").items()
        if name in {f"{function}UrlPublicPermissions", f"{function}URLInvokeAllowPublicAccess"}
    ]
    assert made["Condition"] == url["Condition"] == condition
    assert made["Properties"]["Runtime"] == "python3.13"
    assert made["Properties"]["Handler"] == "handler.handler"
    variables = made["Properties"]["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/stream.sh"
    assert variables["TOOLBRIDGE_KEYS_PATH"] == {"Ref": "KeysPath"}
    assert made["Properties"]["LoggingConfig"]["LogFormat"] == "JSON"
    assert url["Properties"]["InvokeMode"] == "RESPONSE_STREAM"
    assert url["Properties"]["AuthType"] == "NONE"
    assert {permission["Action"] for permission in permissions} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }


def test_exactly_one_function_is_made(resources):
    functions = of_type(resources, "AWS::Lambda::Function")
    assert {made["Condition"] for made in functions.values()} == {"OnDemand", "OnInstances"}
    assert len(functions) == 2
    capacity = resources["BridgeOnInstances"]["Properties"]["CapacityProviderConfig"]
    assert capacity["LambdaManagedInstancesCapacityProviderConfig"] == {
        "CapacityProviderArn": {"Fn::GetAtt": ["Capacity", "Arn"]},
        "PerExecutionEnvironmentMaxConcurrency": {"Ref": "CapacityProviderConcurrency"},
    }
    assert "CapacityProviderConfig" not in resources["Bridge"]["Properties"]
    variables = {
        name: made["Properties"]["Environment"]["Variables"] for name, made in functions.items()
    }
    # Whoever lets 200 requests into a process wants 200 of them answered.
    places = variables["BridgeOnInstances"].pop("TOOLBRIDGE_CONCURRENCY")
    assert places == {"Ref": "CapacityProviderConcurrency"}
    assert variables["BridgeOnInstances"] == variables["Bridge"]
    assert resources["Capacity"]["Condition"] == "OnInstances"


def test_the_role_may_do_what_is_done_and_nothing_else(resources):
    logs, ssm, kms, bedrock = statements(resources)
    parameter = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${KeysPath}"
    assert logs["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert logs["Resource"] == {"Fn::GetAtt": ["Logs", "Arn"]}
    assert ssm["Action"] == "ssm:GetParametersByPath"
    assert ssm["Resource"] == [{"Fn::Sub": parameter}, {"Fn::Sub": f"{parameter}/*"}]
    condition, granted, nothing = kms["Fn::If"]
    assert (condition, granted["Action"]) == ("OwnKmsKey", "kms:Decrypt")
    assert granted["Resource"] == {"Ref": "KeysKmsKeyArn"}
    assert nothing == {"Ref": "AWS::NoValue"}
    condition, granted, nothing = bedrock["Fn::If"]
    assert (condition, granted["Action"]) == (
        "UsesBedrock",
        "bedrock:InvokeModelWithResponseStream",
    )
    assert nothing == {"Ref": "AWS::NoValue"}
    assert "ManagedPolicyArns" not in resources["Role"]["Properties"]
    for made in of_type(resources, "AWS::Lambda::Function").values():
        assert made["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}


def test_alarms_watch_the_function_that_is_made(resources):
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    watched = [metric for alarm in alarms.values() for metric in metrics(alarm["Properties"])]
    assert {metric["MetricName"] for metric in watched} == {
        "Errors",
        "Throttles",
        "Url5xxCount",
        "Failed",
    }
    for metric in watched:
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        own = metric["Namespace"] == "AWS/Lambda"
        assert dimensions["FunctionName" if own else "function_name"] == {
            "Fn::If": ["OnInstances", {"Ref": "BridgeOnInstances"}, {"Ref": "Bridge"}]
        }
    for alarm in alarms.values():
        told = {"Fn::If": ["AlarmsSent", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
        assert alarm["Properties"]["AlarmActions"] == alarm["Properties"]["OKActions"] == told
    # Without metrics there is nothing to watch.
    assert alarms["FailedAlarm"]["Condition"] == "MetricsOn"


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """What an alarm watches, whether it says so by itself or in an expression."""
    stats = [
        each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each
    ]
    return stats or [alarm]


def named_parameters(template: dict[str, Any], node: Any) -> set[str]:
    """The parameters on which a part of the template depends, through conditions too."""
    if isinstance(node, list):
        return set().union(*(named_parameters(template, each) for each in node))
    if not isinstance(node, dict):
        return set()
    found: set[str] = set()
    for key, value in node.items():
        if key == "Ref":
            found |= {value} & template["Parameters"].keys()
        elif key == "Condition" and isinstance(value, str):
            found |= named_parameters(template, template["Conditions"][value])
        elif key == "Fn::Sub":
            found |= set(re.findall(r"\$\{(\w+)\}", value)) & template["Parameters"].keys()
        elif key == "Fn::If":
            found |= named_parameters(template, template["Conditions"][value[0]])
            found |= named_parameters(template, value[1:])
        else:
            found |= named_parameters(template, value)
    return found


def test_a_snapshot_is_taken_of_whatever_is_deployed(resources):
    """Whatever parameter the function sees makes a new version, and so a new snapshot."""
    template, _ = decode(str(TEMPLATE))
    function = dict(resources["Bridge"]["Properties"])
    assert function["SnapStart"] == {
        "ApplyOn": {"Fn::If": ["SnapStarted", "PublishedVersions", "None"]}
    }
    del function["ReservedConcurrentExecutions"]  # is of all versions
    (version,) = (made for name, made in resources.items() if name.startswith("BridgeVersion"))
    described = named_parameters(template, version["Properties"]["Description"])
    seen = named_parameters(template, function)
    assert {"Memory", "UpstreamUrl", "Metrics"} <= seen <= described
    # CloudFormation replaces a version whose description changes.
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", "AWS::Lambda::Version")
    assert "/properties/Description" in schema.schema["createOnlyProperties"]


def test_the_url_leads_to_the_snapshot_when_there_is_one(resources):
    url = resources["BridgeUrl"]
    assert url["Properties"]["TargetFunctionArn"] == {"Ref": "Bridge"}
    assert url["Properties"]["Qualifier"] == {
        "Fn::If": ["SnapStarted", "live", {"Ref": "AWS::NoValue"}]
    }
    assert url["DependsOn"] == "BridgeAliaslive"
    for name in ("BridgeUrlPublicPermissions", "BridgeURLInvokeAllowPublicAccess"):
        assert resources[name]["Properties"]["FunctionName"] == {
            "Fn::If": ["SnapStarted", {"Ref": "BridgeAliaslive"}, {"Ref": "Bridge"}]
        }


def test_every_variable_of_ours_is_known():
    named = set(re.findall(r"^ +(TOOLBRIDGE_\w+):", TEXT, re.M))
    assert "TOOLBRIDGE_KEYS_PATH" in named
    assert named <= {variable.name for variable in VARIABLES}


def test_logs_go_where_they_end(resources):
    assert resources["Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetention"}
    for made in of_type(resources, "AWS::Lambda::Function").values():
        assert made["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "Logs"}
