"""The leaderboard's own cases, tool conversion and checker, out of the package ``bfcl-eval``.

    python -m benchmarks.bfcl.package

Runs by the interpreter of ``.bfcl``, as a process of its own. Its first line is a JSON list of the
development cases. Then each line of input, ``{"case": id, "calls": [[name, arguments], …]}``, is
answered by one, ``{"right": …, "fault": …}``.

The package's list of models imports the client of every vendor, and two of its parsers need
compilers' bindings; neither has a part in what is used here. They are stood in for.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import defaultdict
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks.bfcl.cases import CATEGORIES, Case, is_development

STAND_INS: dict[str, dict[str, Any]] = {
    "bfcl_eval.constants.model_config": {
        # Says that a dot in a function's name stands as an underscore in the tool's.
        "MODEL_CONFIG_MAPPING": defaultdict(lambda: SimpleNamespace(underscore_to_dot=True))
    },
    "bfcl_eval.model_handler.parser.java_parser": {"parse_java_function_call": None},
    "bfcl_eval.model_handler.parser.js_parser": {"parse_javascript_function_call": None},
}


class Leaderboard:
    """The development cases with their answers, by id."""

    def __init__(self) -> None:
        for name, members in STAND_INS.items():
            module = ModuleType(name)
            vars(module).update(members)
            sys.modules[name] = module
        # It makes folders for results where it is told, or among the installed packages.
        os.environ["BFCL_PROJECT_ROOT"] = tempfile.mkdtemp(prefix="bfcl-")
        from bfcl_eval.utils import load_dataset_entry, load_ground_truth_entry

        self._entries: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, Any] = {}
        self._categories: dict[str, str] = {}
        for category in CATEGORIES:
            for entry in load_dataset_entry(category):
                if is_development(entry["id"]):
                    self._entries[entry["id"]] = entry
                    self._categories[entry["id"]] = category
            if category != "irrelevance":
                self._answers |= {
                    answer["id"]: answer["ground_truth"]
                    for answer in load_ground_truth_entry(category)
                    if is_development(answer["id"])
                }

    def cases(self) -> list[Case]:
        return [self._case(entry) for entry in self._entries.values()]

    def _case(self, entry: dict[str, Any]) -> Case:
        from bfcl_eval.constants.enums import ModelStyle
        from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI
        from bfcl_eval.model_handler.utils import convert_to_tool

        (messages,) = entry["question"]
        tools = convert_to_tool(
            entry["function"], GORILLA_TO_OPENAPI, ModelStyle.OPENAI_COMPLETIONS
        )
        return Case(entry["id"], self._categories[entry["id"]], tuple(messages), tuple(tools))

    def verdict(self, case_id: str, calls: list[list[str]]) -> dict[str, Any]:
        """Whether these calls are those that the case wants, and what is wrong with them."""
        if case_id not in self._answers:
            return {"right": not calls, "fault": "a call where none is right" if calls else ""}
        from bfcl_eval.constants.enums import Language
        from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

        try:
            read = [{name: _object(arguments)} for name, arguments in calls]
        except ValueError as error:
            return {"right": False, "fault": f"arguments: {error}"}
        found = ast_checker(
            self._entries[case_id]["function"],
            read,
            self._answers[case_id],
            Language.PYTHON,
            self._categories[case_id],
            "openai",
        )
        return {"right": found["valid"], "fault": "" if found["valid"] else _fault(found)}


def _object(arguments: str) -> dict[str, Any]:
    value = json.loads(arguments)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _fault(found: dict[str, Any]) -> str:
    return f"{found.get('error_type', '')} {found['error']}"[:500]


def main() -> None:
    leaderboard = Leaderboard()
    told = [
        {"id": case.id, "category": case.category, "messages": case.messages, "tools": case.tools}
        for case in leaderboard.cases()
    ]
    print(json.dumps(told), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(leaderboard.verdict(asked["case"], asked["calls"])), flush=True)


if __name__ == "__main__":
    main()
