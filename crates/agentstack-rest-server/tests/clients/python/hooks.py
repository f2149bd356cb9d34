"""What the fuzzer cannot read in the document: which session and entries there are, and what only an answer gives.

Data that is meant to be wrong is left as it is. Good data is led to what exists half of the time, so that more than
"not found" is seen; and it is spared the rules that no schema can state.
"""

import os
import random

import schemathesis
from schemathesis import GenerationMode

SESSION = os.environ["FUZZ_SESSION"]
KEYS = os.environ["FUZZ_KEYS"].split()
TASK, AGENT, IDENTITY = os.environ["FUZZ_THINGS"].split()
# Tokens that the run itself needs.
KEPT_TOKENS = os.environ["FUZZ_KEPT_TOKENS"].split()
UNKNOWN = "01983b2e-5c00-7000-8000-000000000001"

chance = random.Random(1)


def unstated_rules(arguments):
    """A cursor is one that an answer gave; searching by meaning needs an embedder, which this server has not; kinds of
    agents are those of the configuration; what is stored is an output, or an answer; and how much is recalled, and where an
    answer is stored, is said only of what is."""
    arguments.pop("cursor", None)
    for kind in ("agentType", "taskType"):
        if kind in arguments and arguments[kind] is not None:
            arguments[kind] = "coder"
    if "type" in arguments and arguments["type"] is not None:
        arguments["type"] = "coder"
    if "prompt" not in arguments and arguments.get("output") is None:
        arguments.pop("storeAs", None)
    for field, needed in (("recallLimit", "recall"), ("storeNamespace", "storeAs")):
        if arguments.get(needed) is None:
            arguments.pop(field, None)
    if arguments.get("mode") in ("semantic", "hybrid"):
        arguments["mode"] = "auto"


def existing(arguments):
    """Half of the time what there is. Versions are few."""
    if "sessionId" in arguments and chance.random() < 0.75:
        arguments["sessionId"] = SESSION
    if "key" in arguments and chance.random() < 0.5:
        arguments["key"] = chance.choice(KEYS)
    for name in ("taskId", "parentTaskId"):
        if arguments.get(name) is not None and chance.random() < 0.5:
            arguments[name] = TASK
    if arguments.get("agentId") is not None and chance.random() < 0.5:
        arguments["agentId"] = AGENT if "taskId" in arguments else IDENTITY
    if "version" in arguments and chance.random() < 0.5:
        arguments["version"] = type(arguments["version"])(chance.randint(1, 3))
    # Where the session is, its entries are.
    if arguments.get("namespace") and chance.random() < 0.5:
        arguments["namespace"] = None if "content" in arguments else f"session:{SESSION}"


@schemathesis.hook
def before_call(context, case, kwargs):
    places = [case.path_parameters, case.query, case.body]
    for arguments in (place for place in places if isinstance(place, dict)):
        # The fuzzer may revoke what it has made, but not what it stands on.
        if arguments.get("id") in KEPT_TOKENS:
            arguments["id"] = UNKNOWN
        if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
            continue
        unstated_rules(arguments)
        is_led = case.meta.phase.name == "stateful" or case.operation.path.endswith("/end")
        if not is_led:
            existing(arguments)
            if arguments.get("namespace", "") is None:
                del arguments["namespace"]
