"""What CloudFormation does with parameters: refuse them, or put them into the template.

The part of it that our templates use: the checks of parameters, rules, conditions and intrinsic
functions, as its user guide describes them. What only AWS knows (an ARN, an id) stays as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "toolbridge",
    "AWS::NoValue": None,
}


class Refused(Exception):
    """The deployment is refused, in these words, before anything is made."""


class Deployment:
    """A translated template with these parameters; raises ``Refused``."""

    def __init__(self, plain: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self._plain = plain
        declared = plain["Parameters"]
        if unknown := given.keys() - declared.keys():
            raise Refused(f"Parameters: {sorted(unknown)} do not exist in the template")
        values = {name: _checked(name, one, given) for name, one in declared.items()}
        self._references: dict[str, Any] = {**PSEUDO, **values}
        self._variables: dict[str, Any] = {}
        for rule in plain.get("Rules", {}).values():
            if self._holds(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self._holds(assertion["Assert"]):
                        raise Refused(assertion["AssertDescription"])

    def resources(self) -> dict[str, Any]:
        """What is made."""
        return {
            name: self.resolve(made["Properties"])
            for name, made in self._plain["Resources"].items()
            if "Condition" not in made or self._condition(made["Condition"])
        }

    def outputs(self, **known: str) -> dict[str, str]:
        """What is told; ``known`` are the values that only AWS knows, by name in ``${…}``."""
        self._references |= known
        return {
            name: self.resolve(output["Value"]) for name, output in self._plain["Outputs"].items()
        }

    def resolve(self, value: Any) -> Any:
        """A value with everything put in."""
        match value:
            case {"Ref": name}:
                return self._references.get(name, value)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolve(then if self._condition(condition) else otherwise)
            case {"Fn::Join": [between, parts]}:
                joined = self.resolve(parts)
                whole = all(isinstance(part, str) for part in joined)
                return between.join(joined) if whole else {"Fn::Join": [between, joined]}
            case {"Fn::Split": [between, text]}:
                return self.resolve(text).split(between)
            case {"Fn::Sub": [text, variables]}:
                return self._substituted(text, self.resolve(variables))
            case {"Fn::Sub": text}:
                return self._substituted(text, {})
            case dict():
                inner = {name: self.resolve(one) for name, one in value.items()}
                return {name: one for name, one in inner.items() if one is not None}
            case list():
                return [one for one in map(self.resolve, value) if one is not None]
        return value

    def _substituted(self, text: str, variables: Mapping[str, Any]) -> str:
        known = {**self._references, **variables}
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(known.get(found[1], found[0])), text)

    def _condition(self, name: str) -> bool:
        return self._holds(self._plain["Conditions"][name])

    def _holds(self, value: Any) -> bool:
        match value:
            case bool():
                return value
            case {"Condition": name}:
                return self._condition(name)
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolve(one) == self.resolve(other))
            case {"Fn::Not": [one]}:
                return not self._holds(one)
            case {"Fn::And": all_of}:
                return all(map(self._holds, all_of))
            case {"Fn::Or": any_of}:
                return any(map(self._holds, any_of))
            case {"Fn::EachMemberIn": [some, among]}:
                return all(one in among for one in self.resolve(some))
        raise AssertionError(value)


def _checked(name: str, declared: Mapping[str, Any], given: Mapping[str, str]) -> Any:
    """A parameter's value."""
    if name not in given and "Default" not in declared:
        raise Refused(f"Parameters: [{name}] must have values")
    text = str(given.get(name, declared.get("Default")))
    kind = declared["Type"]
    many = kind == "CommaDelimitedList" or kind.startswith("List<")
    values = text.split(",") if many else [text]
    fault = f"Parameter {name}: {declared.get('ConstraintDescription', 'not allowed')}"
    for value in values:
        if (pattern := declared.get("AllowedPattern")) and not re.fullmatch(pattern, value):
            raise Refused(fault)
        if "AllowedValues" in declared and value not in map(str, declared["AllowedValues"]):
            raise Refused(fault)
    if kind == "Number" and not (
        float(declared.get("MinValue", text))
        <= float(text)
        <= float(declared.get("MaxValue", text))
    ):
        raise Refused(fault)
    return values if many else text
