"""OpenID Connect issuers that serve everybody: a role may trust one only if its trust policy says
whose tokens it means. Pure.

Sources: IAM user guide, "Identity-provider controls for shared OIDC providers"; the text, and that
`*` alone does not count while `repo:*` does, as clients of AWS report them.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.iam.conditions import Quantifier, split_operator
from lambdad.iam.grammar import Statement, condition_items, texts_of

_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "agent.buildkite.com": ("sub",),
    "api.pulumi.com/oidc": ("aud",),
    "app.terraform.io": ("sub",),
    "gitlab.com": ("sub",),
    "oidc-configuration.audit-log.githubusercontent.com": ("sub",),
    "oidc.codefresh.io": ("sub",),
    "oidc.vercel.com": ("aud",),
    "proidc.upbound.io": ("sub",),
    "sandboxes.cloud": ("aud",),
    "scalr.io": ("sub",),
    "studio.datachain.ai/api": ("sub",),
    "token.actions.githubusercontent.com": ("sub", "job_workflow_ref"),
    "tokens.cloud.shisho.dev": ("sub",),
    "vstoken.actions.githubusercontent.com": ("sub",),
}
"""Of each issuer the claims of which a statement has to test one."""
_TESTS = frozenset(("StringEquals", "StringLike", "StringEqualsIgnoreCase"))


def shared_issuer_complaint(statement: Statement) -> str | None:
    """AWS's text for a statement of a trust policy that lets in every user of such an issuer, else
    None. The statement has been checked otherwise."""
    principals = statement.get("Principal", {})
    if statement["Effect"] != "Allow" or not isinstance(principals, Mapping):
        return None
    for provider in texts_of(principals, "Federated"):
        issuer = provider.partition(":oidc-provider/")[2]
        keys = [f"{issuer}:{claim}" for claim in _CLAIMS.get(issuer, ())]
        if keys and not any(_tests(statement, key) for key in keys):
            return (
                f"Trust policy with trusted principal {provider} must evaluate, using "
                f"StringEquals, StringLike or StringEqualsIgnoreCase, {' or '.join(keys)} which is "
                "not scoped to all."
            )
    return None


def _tests(statement: Statement, key: str) -> bool:
    """Whether the statement holds for some values of the key only, and not where it is absent."""
    for operator, name, values in condition_items(statement):
        quantifier, base, if_exists = split_operator(operator)
        narrow = base in _TESTS and not if_exists and quantifier is not Quantifier.ALL
        if narrow and name.lower() == key and values and "*" not in values:
            return True
    return False
