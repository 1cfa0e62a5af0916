"""Why an ordinary user has no namespaces, from what the kernel's switches say."""

from __future__ import annotations

import pytest

from lambdad.sandbox.probe import attempt, why_no_namespaces

APPARMOR = {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n"}
OPEN = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "0\n",
    "/proc/sys/kernel/unprivileged_userns_clone": "1\n",
    "/proc/sys/user/max_user_namespaces": "95000\n",
}
CLONE = OPEN | {"/proc/sys/kernel/unprivileged_userns_clone": "0\n"}
NONE_AT_ALL = OPEN | {"/proc/sys/user/max_user_namespaces": "0\n"}
NOT_PERMITTED = "[Errno 1] Operation not permitted"
DENIED = "[Errno 13] Permission denied"


@pytest.mark.parametrize(
    ("switches", "bare", "failure", "remedy"),
    [
        # Ubuntu 24.04: it can be made, and then a mount, a second namespace, uid_map fail.
        (APPARMOR, True, NOT_PERMITTED, "kernel.apparmor_restrict_unprivileged_userns=0"),
        (APPARMOR, False, DENIED, "kernel.apparmor_restrict_unprivileged_userns=0"),
        # A container on Ubuntu: its seccomp filter is in the way before AppArmor is.
        (APPARMOR, False, NOT_PERMITTED, "in a container"),
        (CLONE, False, NOT_PERMITTED, "sysctl kernel.unprivileged_userns_clone=1"),
        (NONE_AT_ALL, False, "[Errno 28] No space left", "sysctl user.max_user_namespaces=10000"),
        (OPEN, True, NOT_PERMITTED, "in a container"),
        ({}, False, NOT_PERMITTED, "in a container"),
    ],
)
def test_the_reason_has_its_remedy(
    switches: dict[str, str], bare: bool, failure: str, remedy: str
) -> None:
    reason = why_no_namespaces(failure, bare, lambda path: switches.get(path, ""))
    assert remedy in reason
    assert failure in reason
    others = {"apparmor_restrict", "userns_clone", "max_user", "in a container"}
    assert sum(other in reason for other in others) == 1


def test_a_trial_says_what_went_wrong() -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied")

    assert attempt(fail) == DENIED
    assert attempt(lambda: None) is None
