"""IAM through boto3: the policy simulator.

Sources: recorded conversations; the IAM API reference.
"""

from __future__ import annotations

from typing import Any

from support.answers import body
from support.iam import (
    TEXT,
    TRUST_TEXT,
    arn,
)


def test_simulation(iam: Any) -> None:
    answer = iam.simulate_custom_policy(PolicyInputList=[TEXT], ActionNames=["s3:GetObject"])
    assert body(answer)["EvaluationResults"][0]["EvalDecision"] == "allowed"
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[TEXT])
    assert body(keys) == {"ContextKeyNames": []}
    iam.create_role(RoleName="simulated", AssumeRolePolicyDocument=TRUST_TEXT)
    which = {"PolicySourceArn": arn("role/simulated")}
    answer = iam.simulate_principal_policy(**which, ActionNames=["s3:GetObject"])
    assert body(answer)["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"
    keys = iam.get_context_keys_for_principal_policy(**which)
    assert body(keys) == {"ContextKeyNames": []}
