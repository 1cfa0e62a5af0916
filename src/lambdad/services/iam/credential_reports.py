"""GenerateCredentialReport, GetCredentialReport: every user's credentials as one CSV table.

A report is made at once, and kept in memory for the four hours that AWS keeps it; a restart loses
it, and it is generated again. Source: IAM user guide, "Generate credential reports", which names
the columns and what stands in them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.ids import AccountId
from lambdad.iam.naming import root_arn
from lambdad.iam.records import AccessKey, KeyStatus, LastUse, User
from lambdad.iam.store import Records
from lambdad.services.iam.certificates import signing_of
from lambdad.services.iam.errors import (
    CredentialReportExpiredException,
    CredentialReportNotPresentException,
)
from lambdad.services.iam.mfa import devices_of
from lambdad.services.iam.service import CredentialReport, IamService
from lambdad.services.iam.views import moment

_KEPT_MS = 4 * 3_600_000
_KEYS = 2
"""Columns there are for so many access keys and certificates."""
_DAY_MS = 86_400_000
_COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used",
    "password_last_changed", "password_next_rotation", "mfa_active",
    *(
        f"access_key_{number}_{column}"
        for number in (1, 2)
        for column in (
            "active", "last_rotated", "last_used_date", "last_used_region", "last_used_service",
        )
    ),
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip
_ABSENT, _UNKNOWN, _UNSUPPORTED = "N/A", "no_information", "not_supported"
_NO_KEY = ("false", _ABSENT, _ABSENT, _ABSENT, _ABSENT)
_NO_CERTIFICATE = ("false", _ABSENT)


@operation("iam", "GenerateCredentialReport")
async def generate(service: IamService, call: Call, params: Params) -> Result:
    now_ms, report = service.now_ms(), service.reports.get(call.account)
    if report is not None and now_ms - report.at_ms < _KEPT_MS:
        return {"State": "COMPLETE"}
    content = _table(service, call.account)
    service.reports[call.account] = CredentialReport(content, now_ms)
    return {
        "State": "STARTED",
        "Description": "No report exists. Starting a new report generation task",
    }


@operation("iam", "GetCredentialReport")
async def get(service: IamService, call: Call, params: Params) -> Result:
    report = service.reports.get(call.account)
    if report is None:
        raise CredentialReportNotPresentException("Report is not present. Generate one first.")
    if service.now_ms() - report.at_ms >= _KEPT_MS:
        raise CredentialReportExpiredException("Report has expired. Generate a new one.")
    return {
        "Content": report.content,
        "ReportFormat": "text/csv",
        "GeneratedTime": moment(report.at_ms),
    }


def _table(service: IamService, account: AccountId) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerow(_root(account))
    records = service.store.account(account)
    policy = dict(service.store.settings(account).password_policy or ())
    max_age_days = int(policy.get("MaxPasswordAge", 0))
    writer.writerows([*_user(account, records, user, max_age_days)] for user in records.all(User))
    return text.getvalue().removesuffix("\n").encode()


def _root(account: AccountId) -> tuple[str, ...]:
    """The account's owner: one access key, whose age and use are not recorded, no password."""
    return (
        "<root_account>",
        root_arn(account),
        _time(0),
        _UNSUPPORTED,
        _UNKNOWN,
        _UNSUPPORTED,
        _UNSUPPORTED,
        "false",
        "true",
        *(_ABSENT,) * 4,
        *_NO_KEY,
        *_NO_CERTIFICATE * _KEYS,
    )


def _user(account: AccountId, records: Records, user: User, max_age_days: int) -> Iterator[str]:
    yield from (user.name, user.arn(account), _time(user.created_ms))
    yield from _password(user, max_age_days)
    yield _flag(bool(devices_of(records, user.name)))
    keys = sorted(
        (key for key in records.all(AccessKey) if key.user == user.name),
        key=lambda key: (key.created_ms, key.id),
    )
    for key in keys[:_KEYS]:
        yield from (_flag(key.status is KeyStatus.ACTIVE), _time(key.created_ms))
        use = records.get(LastUse, key.id)
        yield from (_time(use.at_ms), use.region, use.service) if use else (_ABSENT,) * 3
    yield from _NO_KEY * (_KEYS - len(keys))
    certificates = signing_of(records, user.name)[:_KEYS]
    for certificate in certificates:
        yield _flag(certificate.status is KeyStatus.ACTIVE)
        yield _time(certificate.uploaded_ms)
    yield from _NO_CERTIFICATE * (_KEYS - len(certificates))


def _password(user: User, max_age_days: int) -> tuple[str, ...]:
    if user.login is None:
        return ("false", _ABSENT, _ABSENT, _ABSENT)
    changed_ms = user.login.created_ms
    due = _time(changed_ms + max_age_days * _DAY_MS) if max_age_days else _ABSENT
    return ("true", _UNKNOWN, _time(changed_ms), due)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _time(at_ms: int) -> str:
    return moment(at_ms).isoformat()


OPERATIONS: tuple[Implementation, ...] = (generate, get)
