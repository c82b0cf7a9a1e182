"""What CloudFormation makes of an operator's parameters: refusals in words, and what changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .cloudformation import Deployment, Refused  # noqa: TID252
from .fake_runtime_api import until  # noqa: TID252
from .package import SAM  # noqa: TID252
from .translation import TEMPLATES, translated  # noqa: TID252

pytestmark = pytest.mark.skipif(not (SAM / "bin" / "sam").exists(), reason="no SAM CLI")

OWN = {"UpstreamUrl": "https://chat.example.com/v1", "UpstreamModel": "their-model"}
NETWORK = {"Subnets": "subnet-0a1b2c3d", "SecurityGroups": "sg-0a1b2c3d"}
NEEDED = {"template.yaml": OWN, "instances.yaml": OWN | NETWORK}
PROFILE = "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.amazon.nova-lite-v1:0"
MODEL = "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"
KMS = "arn:aws:kms:eu-central-1:111122223333"

OTHERWISE = {
    "UpstreamKind": "ui_stream",
    "UpstreamUrl": "https://other.example.com/v1",
    "UpstreamModel": "another",
    "PublicName": "a-name",
    "Thinking": "false",
    "Dialect": "raw",
    "Alternation": "false",
    "BedrockModelArns": MODEL,
    "KeysPath": "/toolbridge/test",
    "KeysTtl": "61",
    "KeysKmsKeyArn": f"{KMS}:key/1234",
    "Memory": "4096",
    "Timeout": "301",
    "Concurrency": "65",
    "Architecture": "x86_64",
    "SnapStart": "on",
    "Front": "api",
    "CorsOrigins": "https://app.example.com",
    "VpcSubnets": "subnet-0a1b2c3d",
    "VpcSecurityGroups": "sg-0a1b2c3d",
    "AlarmEmail": "me@example.com",
    "LogRetention": "30",
    "LogsKmsKeyArn": f"{KMS}:key/1234",
    "Metrics": "off",
    "Tracing": "on",
    "PermissionsBoundary": "arn:aws:iam::111122223333:policy/bound",
    "Subnets": "subnet-4d5e6f70",
    "SecurityGroups": "sg-4d5e6f70",
    "MaxVCpus": "16",
}
"""Another value for each parameter."""

BESIDE_THE_FUNCTION = {
    *("BedrockModelArns", "KeysKmsKeyArn", "PermissionsBoundary"),  # the role
    *("LogRetention", "LogsKmsKeyArn"),  # the log group
    *("CorsOrigins", "AlarmEmail"),  # the URL, the alarms' topic
    *("Subnets", "SecurityGroups", "MaxVCpus"),  # the capacity provider
}
"""Parameters of other resources, which hold for whatever version is called."""


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    asked = {name: {"template": text, "lint": False} for name, text in TEMPLATES.items()}
    return {name: found["plain"] for name, found in translated(asked).items()}


def called(plain: dict[str, Any], given: dict[str, str]) -> str:
    """What the Function URL calls: changes when what is deployed reaches callers."""
    made = Deployment(plain, given).resources()
    function = json.dumps(made["Bridge"], sort_keys=True)
    target = made["BridgeUrl"]["TargetFunctionArn"]
    if "Qualifier" in made["BridgeUrl"]:
        assert target == {"Ref": "Bridge"}
        target = {"Ref": f"BridgeAlias{made['BridgeUrl']['Qualifier']}"}
    match target:
        case {"Ref": "Bridge"} if made["Bridge"].get("PublishToLatestPublished"):
            return function  # $LATEST.PUBLISHED, made anew by each change of the function
        case {"Ref": "Bridge"} if "CapacityProviderConfig" not in made["Bridge"]:
            return function  # $LATEST
        case {"Ref": alias}:
            return published(made, alias)
    raise AssertionError(made["BridgeUrl"])


def published(made: dict[str, Any], alias: str) -> str:
    """The version that an alias leads to."""
    version, _ = made[alias]["FunctionVersion"]["Fn::GetAtt"]
    return f"{version} {json.dumps(made[version], sort_keys=True)}"


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_reaches_what_is_called(plain, name):
    """Each is changed alone, and translated with its value, as AWS does."""
    names = plain[name]["Parameters"].keys()
    given = {one: NEEDED[name] | {one: OTHERWISE[one]} for one in names}
    pairs = {"VpcSubnets": "VpcSecurityGroups", "VpcSecurityGroups": "VpcSubnets"}
    for one, other in pairs.items():
        if one in given:
            given[one][other] = OTHERWISE[other]
    asked = {
        one: {"template": TEMPLATES[name], "parameters": values, "lint": False}
        for one, values in given.items()
    }
    found = translated(asked)
    before = Deployment(plain[name], NEEDED[name])
    for one, values in given.items():
        after = found[one]["plain"]
        assert Deployment(after, values).resources() != before.resources(), one
        if one != "Front":  # there, the URL itself goes
            changed = called(after, values) != called(plain[name], NEEDED[name])
            assert changed == (one not in BESIDE_THE_FUNCTION), one


FROZEN = OWN | {"SnapStart": "on"}
NAMED = {"VpcSubnets": OTHERWISE["VpcSubnets"], "VpcSecurityGroups": OTHERWISE["VpcSecurityGroups"]}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(FROZEN, id="url"),
        pytest.param(FROZEN | NAMED, id="network"),
        pytest.param(FROZEN | {"Front": "api", "CorsOrigins": "https://a.example"}, id="api"),
        pytest.param(FROZEN | {"UpstreamKind": "file"}, id="file-with-a-leftover-url"),
        pytest.param(
            {"SnapStart": "on", "UpstreamKind": "bedrock", "UpstreamModel": PROFILE}, id="bedrock"
        ),
    ],
)
def test_a_snapshot_is_taken_of_each_change_of_the_function_and_of_nothing_else(plain, given):
    """Lambda publishes no version of what has not changed: CloudFormation would fail."""
    seen = set()
    template = plain["template.yaml"]
    before = Deployment(template, given).resources()
    others = OTHERWISE | {"SnapStart": "off", "VpcSubnets": "subnet-4d,subnet-4e"}
    for one in template["Parameters"].keys() - {"SnapStart"}:
        values = given | {one: others[one]}
        if one in NAMED:
            values = NAMED | values
        try:
            after = Deployment(template, values).resources()
        except Refused:
            assert given.get("UpstreamKind") == "bedrock"
            assert one in {"UpstreamKind", "UpstreamUrl"}
            continue
        for made in (before, after):
            made["Bridge"].pop("ReservedConcurrentExecutions", None)  # is of all versions
        changed = after["Bridge"] != before["Bridge"]
        seen |= {one} if changed else set()
        assert changed == (
            published(after, "BridgeAliaslive") != published(before, "BridgeAliaslive")
        ), one
    assert {"KeysPath", "Memory", "Tracing", "VpcSubnets"} <= seen


def test_what_is_called_is_the_snapshot_when_there_is_one(plain):
    for front in ("url", "api"):
        frozen, usual = (
            Deployment(plain["template.yaml"], given | {"Front": front}).resources()
            for given in (FROZEN, OWN)
        )
        may = [name for name, made in frozen.items() if "Principal" in made]
        assert len(may) == (2 if front == "url" else 1)
        for name in may:
            assert frozen[name]["FunctionName"] == {"Ref": "BridgeAliaslive"}
            assert usual[name]["FunctionName"] == {"Ref": "Bridge"}
        assert frozen["Bridge"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        assert usual["Bridge"]["SnapStart"] == {"ApplyOn": "None"}
    path = "/{proxy+}"
    uris = [
        made["Api"]["Body"]["paths"][path]["x-amazon-apigateway-any-method"][
            "x-amazon-apigateway-integration"
        ]["uri"]
        for made in (frozen, usual)
    ]
    assert ["BridgeAliaslive" in uri for uri in uris] == [True, False]


def test_an_api_is_deployed_anew_when_what_it_calls_changes():
    """Its body changes by a condition, which SAM does not see: it is deployed each time."""
    asked = {"": {"template": TEMPLATES["template.yaml"], "lint": False}}

    def deployment() -> str:
        made = translated(asked)[""]["plain"]["Resources"]
        return next(str(name) for name in made if name.startswith("ApiDeployment"))

    first = deployment()
    until(lambda: deployment() != first)


def test_a_description_has_room_for_what_operators_have(plain):
    """256 characters, beside Lambda's id of the role (21)."""
    given = FROZEN | NAMED | {"PublicName": "claude-sonnet-4.6", "Front": "api"}
    given["VpcSubnets"] = "subnet-0a1b2c3d4e5f60718,subnet-1a1b2c3d4e5f60718"
    given["VpcSecurityGroups"] = "sg-0a1b2c3d4e5f60718"
    given["CorsOrigins"] = "https://app.example.com"
    made = Deployment(plain["template.yaml"], given).resources()
    (version,) = (one for name, one in made.items() if name.startswith("BridgeVersion"))
    between, (role, *said) = version["Description"]["Fn::Join"]
    assert role == {"Fn::GetAtt": ["Role", "RoleId"]}
    assert len(between.join(["x" * 21, *said])) <= 256
    assert "subnet-" not in between.join(said)


def test_a_version_of_sams_would_keep_what_was_deployed_before():
    """Why there is none; with the same eyes."""
    publishing = "PublishToLatestPublished: true"
    target = "TargetFunctionArn: !Ref Bridge\n"
    text = TEMPLATES["instances.yaml"]
    assert publishing in text
    assert target in text
    text = text.replace(publishing, "AutoPublishAlias: live").replace(
        target, "TargetFunctionArn: !Ref BridgeAliaslive\n"
    )
    values = {
        one: NEEDED["instances.yaml"] | {one: OTHERWISE[one]} for one in ("Dialect", "Memory")
    }
    values["before"] = NEEDED["instances.yaml"]
    found = translated(
        {one: {"template": text, "parameters": v, "lint": False} for one, v in values.items()}
    )
    assert len({called(found[one]["plain"], values[one]) for one in values}) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, "This kind of upstream needs an UpstreamUrl", id="no-url"),
        pytest.param({"UpstreamKind": "ui_stream"}, "needs an UpstreamUrl", id="no-url-of-a-site"),
        pytest.param({"UpstreamKind": "bedrock"}, "Bedrock needs an UpstreamModel", id="no-model"),
        pytest.param(
            OWN | {"UpstreamKind": "bedrock"},
            'give UpstreamUrl=""',
            id="bedrock-with-a-leftover-url",
        ),
        pytest.param({"UpstreamKind": "llama"}, "UpstreamKind", id="embedded"),
        pytest.param({"UpstreamKind": "scripted"}, "UpstreamKind", id="scripted"),
        pytest.param({"UpstreamUrl": "chat.example.com"}, "a base URL", id="no-scheme"),
        pytest.param({"UpstreamUrl": "http://localhost:11434/v1"}, "localhost", id="this-machine"),
        pytest.param({"UpstreamUrl": "http://127.0.0.1:8080/v1"}, "localhost", id="this-address"),
        pytest.param({"UpstreamUrl": "https://me:test@x.example/v1"}, "a key", id="key-in-the-url"),
        pytest.param(
            {"UpstreamUrl": "https://x.example/v1/chat/completions"},
            "without /chat/completions",
            id="not-the-base",
        ),
        pytest.param({"KeysPath": "/aws/keys"}, "SSM keeps /aws", id="a-path-of-ssm"),
        pytest.param({"KeysPath": "/toolbridge/"}, "without a slash", id="slash"),
        pytest.param({"KeysKmsKeyArn": f"{KMS}:alias/mine"}, "cannot go by an alias", id="alias"),
        pytest.param(
            {"LogsKmsKeyArn": f"{KMS}:alias/mine"}, "cannot go by an alias", id="alias-logs"
        ),
        pytest.param(
            {"BedrockModelArns": PROFILE}, "the models that it invokes", id="profile-alone"
        ),
        pytest.param({"BedrockModelArns": f"{MODEL}, {MODEL}"}, "without spaces", id="spaces"),
        pytest.param({"BedrockModelArns": "amazon.nova-lite-v1:0"}, "ARNs", id="no-arn"),
        pytest.param(
            OWN | {"VpcSubnets": "subnet-0a1b2c3d"}, "both VpcSubnets and", id="subnets-alone"
        ),
        pytest.param(
            OWN | {"VpcSecurityGroups": "sg-0a1b2c3d"}, "both VpcSubnets", id="groups-alone"
        ),
        pytest.param(OWN | {"Timeout": "901"}, "Timeout", id="too-long"),
        pytest.param(OWN | {"PublicName": 'a"b'}, "letters, digits", id="quotes-in-a-name"),
        pytest.param(OWN | {"PermissionsBoundary": "bound"}, "the ARN of an IAM", id="no-policy"),
    ],
)
def test_what_could_only_fail_is_refused_in_words(plain, given, words):
    with pytest.raises(Refused, match=words.replace("(", r"\(")):
        Deployment(plain["template.yaml"], given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(OWN, id="url"),
        pytest.param({"UpstreamKind": "bedrock", "UpstreamModel": PROFILE}, id="bedrock"),
        pytest.param({"UpstreamKind": "file"}, id="file"),
        pytest.param(OWN | {"UpstreamKind": "file"}, id="file-with-a-leftover-url"),
        pytest.param({"UpstreamUrl": "http://model.internal:8000/v1/"}, id="private-name"),
        pytest.param(OWN | {"BedrockModelArns": f"{PROFILE},{MODEL}"}, id="profile-and-model"),
        pytest.param(OWN | {"BedrockModelArns": MODEL}, id="model"),
        pytest.param(
            OWN | {"VpcSubnets": "subnet-0a,subnet-0b", "VpcSecurityGroups": "sg-0a"}, id="network"
        ),
    ],
)
def test_what_can_run_is_not(plain, given):
    assert Deployment(plain["template.yaml"], given).resources()["Bridge"]


def test_the_rules_of_both_are_the_same(plain):
    one, other = (plain[name]["Rules"] for name in TEMPLATES)
    assert other == {name: rule for name, rule in one.items() if name != "NetworkWhole"}


def test_a_url_or_an_api_is_made_and_never_both(plain):
    url = Deployment(plain["template.yaml"], OWN).resources()
    api = Deployment(plain["template.yaml"], OWN | {"Front": "api"}).resources()
    assert "BridgeUrl" in url
    assert "Api" not in url
    assert not {name for name in api if "Url" in name or "URL" in name}
    path = api["Api"]["Body"]["paths"]["/{proxy+}"]["x-amazon-apigateway-any-method"]
    integration = path["x-amazon-apigateway-integration"]
    assert integration["responseTransferMode"] == "STREAM"
    assert integration["uri"].endswith("/response-streaming-invocations")
    assert ":lambda:path/2021-11-15/functions/" in integration["uri"]
    assert api["ApiPermission"]["Principal"] == "apigateway.amazonaws.com"
    assert api["FailuresAlarm"]["Namespace"] == "AWS/ApiGateway"
    assert url["FailuresAlarm"]["MetricName"] == "Url5xxCount"


def test_a_private_network_comes_with_what_lambda_needs_for_it(plain):
    given = OWN | {"VpcSubnets": "subnet-0a,subnet-0b", "VpcSecurityGroups": "sg-0a"}
    made = Deployment(plain["template.yaml"], given).resources()
    assert made["Bridge"]["VpcConfig"] == {
        "SubnetIds": ["subnet-0a", "subnet-0b"],
        "SecurityGroupIds": ["sg-0a"],
    }
    assert "ec2:CreateNetworkInterface" in json.dumps(made["Role"])
    plain_one = Deployment(plain["template.yaml"], OWN).resources()
    assert "VpcConfig" not in plain_one["Bridge"]
    assert "ec2:" not in json.dumps(plain_one["Role"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_tracing_a_boundary_and_a_key_for_the_logs(plain, name):
    more = {key: OTHERWISE[key] for key in ("Tracing", "PermissionsBoundary", "LogsKmsKeyArn")}
    made = Deployment(plain[name], NEEDED[name] | more).resources()
    assert made["Bridge"]["TracingConfig"] == {"Mode": "Active"}
    assert "xray:PutTraceSegments" in json.dumps(made["Role"])
    assert made["Role"]["PermissionsBoundary"] == more["PermissionsBoundary"]
    assert made["Logs"]["KmsKeyId"] == more["LogsKmsKeyArn"]
    without = Deployment(plain[name], NEEDED[name]).resources()
    assert without["Bridge"]["TracingConfig"] == {"Mode": "PassThrough"}
    assert "PermissionsBoundary" not in without["Role"]
    assert "KmsKeyId" not in without["Logs"]
