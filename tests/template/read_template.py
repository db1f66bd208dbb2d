"""Reads template.yaml and works out its values for given parameters, as CloudFormation would."""

import re
from typing import Any

import yaml

from devlake import paths
from devlake.aws_environment import REGION
from devlake.emulator import ACCOUNT_ID


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, read as their long forms."""


def _construct(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _construct)


def read_template() -> dict[str, Any]:
    """template.yaml with short tags written out."""
    return yaml.load(paths.TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)


PSEUDO = {"AWS::AccountId": ACCOUNT_ID, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::NoValue": None}


class Resolved:
    """The template for `parameters`: `resource(name)` gives a resource's properties as they are deployed.

    `physical` maps a resource to what !Ref gives, `attributes` (resource, attribute) to what !GetAtt gives.
    """

    def __init__(
        self, parameters: dict[str, str], physical: dict[str, str], attributes: dict[tuple[str, str], str]
    ) -> None:
        self.template = read_template()
        defaults = {name: str(item.get("Default")) for name, item in self.template["Parameters"].items()}
        self.values = defaults | parameters | PSEUDO | physical
        self.attributes = attributes

    def condition(self, name: str) -> bool:
        return bool(self.value(self.template["Conditions"][name]))

    def resources(self) -> dict[str, str]:
        """The resources that these parameters create, each with its type."""
        return {
            name: item["Type"]
            for name, item in self.template["Resources"].items()
            if "Condition" not in item or self.condition(item["Condition"])
        }

    def resource(self, name: str) -> Any:
        return self.value(self.template["Resources"][name]["Properties"])

    def output(self, name: str) -> Any:
        return self.value(self.template["Outputs"][name]["Value"])

    def value(self, node: Any) -> Any:
        """A node with its intrinsic functions worked out; what is AWS::NoValue is left out."""
        if isinstance(node, list):
            return [value for item in node if (value := self.value(item)) is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            function = getattr(self, f"_{name.removeprefix('Fn::').lower()}", None)
            if (name.startswith("Fn::") or name in ("Ref", "Condition")) and function:
                return function(argument)
        values = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in values.items() if item is not None}

    def _ref(self, name: str) -> Any:
        return self.values[name]

    def _condition(self, name: Any) -> Any:
        return self.condition(name) if isinstance(name, str) else {"Condition": self.value(name)}

    def _getatt(self, argument: list[str]) -> str:
        return self.attributes[argument[0], argument[1]]

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {key: self.value(item) for key, item in own.items()}

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name in own:
                return str(own[name])
            resource, dot, attribute = name.partition(".")
            return self.attributes[resource, attribute] if dot else str(self.values[name])

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _if(self, argument: list[Any]) -> Any:
        return self.value(argument[1] if self.condition(argument[0]) else argument[2])

    def _equals(self, argument: list[Any]) -> bool:
        return str(self.value(argument[0])) == str(self.value(argument[1]))

    def _not(self, argument: list[Any]) -> bool:
        return not self.value(argument[0])

    def _and(self, argument: list[Any]) -> bool:
        return all(self.value(item) for item in argument)

    def _or(self, argument: list[Any]) -> bool:
        return any(self.value(item) for item in argument)

    def _findinmap(self, argument: list[Any]) -> Any:
        found = self.template["Mappings"]
        for key in argument:
            found = found[self.value(key)]
        return found
