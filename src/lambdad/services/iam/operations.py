"""Every operation of IAM that is served."""

from __future__ import annotations

from lambdad.api.operation import Implementation
from lambdad.services.iam import (
    access_keys,
    account,
    attachments,
    boundaries,
    certificates,
    credential_reports,
    details,
    groups,
    inline,
    instance_profiles,
    mfa,
    oidc,
    passwords,
    policies,
    roles,
    saml,
    service_linked,
    simulation,
    ssh_keys,
    tags,
    users,
    versions,
)

OPERATIONS: tuple[Implementation, ...] = (
    *users.OPERATIONS,
    *groups.OPERATIONS,
    *roles.OPERATIONS,
    *service_linked.OPERATIONS,
    *policies.OPERATIONS,
    *versions.OPERATIONS,
    *attachments.OPERATIONS,
    *inline.OPERATIONS,
    *boundaries.OPERATIONS,
    *access_keys.OPERATIONS,
    *passwords.OPERATIONS,
    *ssh_keys.OPERATIONS,
    *certificates.OPERATIONS,
    *mfa.OPERATIONS,
    *credential_reports.OPERATIONS,
    *instance_profiles.OPERATIONS,
    *oidc.OPERATIONS,
    *saml.OPERATIONS,
    *tags.OPERATIONS,
    *account.OPERATIONS,
    *details.OPERATIONS,
    *simulation.OPERATIONS,
)
