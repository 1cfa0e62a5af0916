"""What can go wrong with stored data, each with what to do about it.

Owns the storage errors. They are the operator's (a file that cannot be opened) or, where an AWS
client can meet them, an AwsError that says to try again.
"""

from __future__ import annotations

from pathlib import Path

from lambdad.core.errors import AwsError, OperatorError


class StorageError(OperatorError):
    """A data file that cannot be used. The message is for the operator and says the remedy."""


class InUse(StorageError):
    """Another process holds the file."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(
            f"{path} is in use by another lambdad ({holder}). Stop that one first, or give this "
            "one a folder of its own with --data-dir."
        )


class NewerSchema(StorageError):
    """The file was written by a version of lambdad that knows more than this one."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} was written by a newer lambdad (its schema is {found}, this version knows "
            f"{known}). Run that version or a later one, or start afresh with another --data-dir; "
            "data is never converted backwards."
        )


class Unreadable(StorageError):
    """The file is no database, or a damaged one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read: {reason}. Put back a backup of the file, or move it away to "
            "start without the data in it."
        )


class LaneClosed(StorageError):
    """The lane was closed before the work was handed in."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} has been closed")


class BlobDamaged(StorageError):
    """A blob's bytes are not the ones that its name promises."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged: its bytes do not match its name. Put back a backup of the file, "
            "or upload the code again."
        )


class LaneFull(AwsError):
    """More work is waiting than the lane takes (`Limits.lane_queue_operations`): try again."""

    code = "ServiceUnavailableException"
    status = 503

    def __init__(self) -> None:
        super().__init__("The service is busy: too many writes are waiting. Try again shortly.")


class CommitFailed(AwsError):
    """The commit did not reach the disk (full, or failing); nothing of the work was kept."""

    code = "ServiceUnavailableException"
    status = 503

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__("The service could not store the change. Try again shortly.")
        self.add_note(f"{path}: {reason}. Check the free space and the health of its disk.")
