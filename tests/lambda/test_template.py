"""The templates: as SAM sees them, as CloudFormation will see them, and with faults planted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from bridge.server.variables import VARIABLES

from .package import SAM  # noqa: TID252
from .translation import TEMPLATES, run, translated  # noqa: TID252

pytestmark = pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI")

FAULTS = {
    "an invoke mode that is none": ("InvokeMode: RESPONSE_STREAM", "InvokeMode: STREAM"),
    "a runtime that is none": ("Runtime: python3.13", "Runtime: python3.99"),
    "an authorisation that is none": (
        "AuthType: NONE\n      InvokeMode",
        "AuthType: OPEN\n      InvokeMode",
    ),
    "a timeout over Lambda's": ("Timeout: !Ref Timeout", "Timeout: 1000"),
    "an architecture that is none": (
        "      Architectures: [!Ref Architecture]\n      MemorySize",
        "      Architectures: [arm]\n      MemorySize",
    ),
    "a reference to nothing": ("!Ref KeysTtl", "!Ref KeyTtl"),
    "an attribute of nothing": ("${BridgeUrl.FunctionUrl}", "${BridgeUrlX.FunctionUrl}"),
    "a wrong property": ("RetentionInDays:", "RetentionDays:"),
    "a preflight method": ("AllowMethods: [GET, POST]", "AllowMethods: [OPTIONS]"),
    "a reserved variable": ("POWERTOOLS_METRICS_DISABLED:", "AWS_LAMBDA_FUNCTION_NAME:"),
    "the variable that tells sam local from Lambda": (
        "POWERTOOLS_METRICS_DISABLED:",
        "AWS_LAMBDA_LOG_STREAM_NAME:",
    ),
    "a statement without an effect": ("Effect: Allow\n                Action: ssm", "Action: ssm"),
    "an alarm on nothing": ("MetricName: Failed", "MetricsName: Failed"),
    "an unused condition": ("!If [MetricsOff,", "!If [FromFile,"),
}
OF_ONE = {
    "template.yaml": {
        "a key of a group's that is none": ("VpcConfig: !If\n", "VpcConfigs: !If\n"),
        "an API of nothing": (
            "FunctionName: *called\n      Principal: apig",
            "Principal: apig",
        ),
    },
    "instances.yaml": {
        "a capacity provider that is none": ("!GetAtt Capacity.Arn", "!GetAtt Capacities.Arn"),
        "too little memory": ("MinValue: 2048\n", "MinValue: no\n"),
    },
}
PLANTED = [
    (name, fault, *change)
    for name in TEMPLATES
    for fault, change in (FAULTS | OF_ONE[name]).items()
]


@pytest.fixture(scope="module")
def examined() -> dict[str, Any]:
    asked = {name: {"template": text} for name, text in TEMPLATES.items()}
    for name, fault, right, wrong in PLANTED:
        assert right in TEMPLATES[name], (name, fault)
        asked[f"{name}: {fault}"] = {"template": TEMPLATES[name].replace(right, wrong)}
    return translated(asked)


@pytest.fixture(params=TEMPLATES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def resources(examined: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = examined[name]["plain"]["Resources"]
    return found


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: made for name, made in resources.items() if made["Type"] == kind}


def statements(resources: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = resources["Role"]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_sam_validates_it_without_region_or_credentials(name):
    done = run(SAM / "bin" / "sam", "validate", "--lint", "--template-file", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_what_it_becomes_is_clean(examined, name):
    assert examined[name]["faults"] == []


@pytest.mark.parametrize(("name", "fault"), [planted[:2] for planted in PLANTED])
def test_a_planted_fault_is_caught(examined, name, fault):
    assert examined[f"{name}: {fault}"]["faults"] != []


def test_one_function_streams_to_anyone_through_our_runtime(resources):
    (made,) = of_type(resources, "AWS::Lambda::Function").values()
    assert made["Properties"]["Runtime"] == "python3.13"
    assert made["Properties"]["Handler"] == "handler.handler"
    assert made["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert made["Properties"]["LoggingConfig"]["LogFormat"] == "JSON"
    assert made["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "Logs"}
    variables = made["Properties"]["Environment"]["Variables"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/stream.sh"
    assert variables["TOOLBRIDGE_KEYS_PATH"] == {"Ref": "KeysPath"}
    url = resources["BridgeUrl"]["Properties"]
    assert (url["InvokeMode"], url["AuthType"]) == ("RESPONSE_STREAM", "NONE")


def test_a_url_takes_both_permissions(resources):
    """What SAM itself makes of its shorthand, since Lambda asks for both."""
    open_to_all = [
        (made["Properties"], made.get("Condition"))
        for made in of_type(resources, "AWS::Lambda::Permission").values()
        if made["Properties"]["Principal"] == "*"
    ]
    other, one = sorted((made for made, _ in open_to_all), key=lambda made: made["Action"])
    assert (one["Action"], one["FunctionUrlAuthType"]) == ("lambda:InvokeFunctionUrl", "NONE")
    assert (other["Action"], other["InvokedViaFunctionUrl"]) == ("lambda:InvokeFunction", True)
    assert {condition for _, condition in open_to_all} == {resources["BridgeUrl"].get("Condition")}


def test_on_instances_as_many_are_let_in_as_are_answered(examined):
    made = examined["instances.yaml"]["plain"]["Resources"]["Bridge"]["Properties"]
    assert made["CapacityProviderConfig"]["LambdaManagedInstancesCapacityProviderConfig"] == {
        "CapacityProviderArn": {"Fn::GetAtt": ["Capacity", "Arn"]},
        "PerExecutionEnvironmentMaxConcurrency": {"Ref": "Concurrency"},
    }
    # Whoever lets 200 requests into a process wants 200 of them answered.
    assert made["Environment"]["Variables"]["TOOLBRIDGE_CONCURRENCY"] == {"Ref": "Concurrency"}


def test_what_the_templates_share_is_the_same_in_both(examined):
    plain, instances = (examined[name]["plain"] for name in TEMPLATES)
    own = {"Bridge", "BridgeUrl", "Role", "FailuresAlarm"}
    own |= {"BridgeUrlPublicPermissions", "BridgeURLInvokeAllowPublicAccess"}
    for part, differ in (("Parameters", {"Memory", "Concurrency"}), ("Resources", own)):
        for name in plain[part].keys() & instances[part].keys() - differ:
            assert plain[part][name] == instances[part][name], name
    alarms = [
        of_type(one["Resources"], "AWS::CloudWatch::Alarm").keys() for one in (plain, instances)
    ]
    assert alarms[0] == alarms[1]
    variables = [
        one["Resources"]["Bridge"]["Properties"]["Environment"]["Variables"]
        for one in (plain, instances)
    ]
    assert variables[0].pop("TOOLBRIDGE_CORS_ORIGINS")  # behind an API only
    assert variables[1].pop("TOOLBRIDGE_CONCURRENCY")
    assert variables[0] == variables[1]


def test_the_role_may_do_what_is_done_and_nothing_else(resources):
    logs, ssm, kms, bedrock, xray, *network = statements(resources)
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
    condition, granted, _ = xray["Fn::If"]
    assert condition == "Traced"
    assert granted["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    for one in network:
        condition, granted, _ = one["Fn::If"]
        assert condition == "PrivateNetwork"
        assert all(
            "NetworkInterface" in a or "Subnets" in a or "Addresses" in a for a in granted["Action"]
        )


def test_alarms_watch_the_function(resources):
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    for name in ("ErrorsAlarm", "ThrottlesAlarm"):
        (dimension,) = alarms[name]["Properties"]["Dimensions"]
        assert dimension == {"Name": "FunctionName", "Value": {"Ref": "Bridge"}}
    assert "Url5xxCount" in str(alarms["FailuresAlarm"])
    stats = [each.get("MetricStat") for each in alarms["FailedAlarm"]["Properties"]["Metrics"]]
    failed = [stat["Metric"] for stat in stats if stat is not None]
    assert {metric["MetricName"] for metric in failed} == {"Failed"}
    for metric in failed:
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        assert dimensions == {"service": "toolbridge", "function_name": {"Ref": "Bridge"}}
    # Without metrics there is nothing to watch.
    assert alarms["FailedAlarm"]["Condition"] == "MetricsOn"
    for alarm in alarms.values():
        told = {"Fn::If": ["AlarmsSent", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}
        assert alarm["Properties"]["AlarmActions"] == alarm["Properties"]["OKActions"] == told


def test_a_version_of_another_description_is_another_version(examined):
    """Nothing else of a version changes with parameters; ``test_deployments`` has which."""
    made = examined["template.yaml"]["plain"]["Resources"]
    assert made["Bridge"]["Properties"]["SnapStart"] == {
        "ApplyOn": {"Fn::If": ["SnapStarted", "PublishedVersions", "None"]}
    }
    (version,) = of_type(made, "AWS::Lambda::Version").values()
    assert version["DeletionPolicy"] == "Delete"
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", "AWS::Lambda::Version")
    assert "/properties/Description" in schema.schema["createOnlyProperties"]
    assert schema.schema["properties"]["Description"]["maxLength"] == 256
    # A URL asks for the alias by its name, which tells CloudFormation of no order.
    assert made["BridgeUrl"]["DependsOn"] == "BridgeAliaslive"


def test_every_variable_of_ours_is_known(name):
    named = set(re.findall(r"^ +(TOOLBRIDGE_\w+):", TEMPLATES[name], re.M))
    assert "TOOLBRIDGE_KEYS_PATH" in named
    known = {variable.name for variable in VARIABLES}
    assert named <= known


def test_every_parameter_is_in_a_group_and_has_a_label(examined, name):
    plain = examined[name]["plain"]
    interface = plain["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [one for group in interface["ParameterGroups"] for one in group["Parameters"]]
    assert sorted(grouped) == sorted(plain["Parameters"])
    assert sorted(interface["ParameterLabels"]) == sorted(plain["Parameters"])
    assert all(one["Description"] for one in plain["Parameters"].values())


def test_logs_go_where_they_end(resources):
    assert resources["Logs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetention"}
