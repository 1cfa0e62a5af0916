"""Message move tasks: what StartMessageMoveTask begins.

Owns the tasks: their records in the lane, mirrored in memory, and a worker for each that runs. A
step moves some messages and counts them in one transaction, so a task goes on after a crash where
it was. AWS's texts of why a task failed are data of the API and stand here.
"""

from __future__ import annotations

import asyncio

from lambdad.core.clock import Clock
from lambdad.core.errors import AwsError
from lambdad.core.ids import new_uuid
from lambdad.core.value import Value, replace
from lambdad.engines.queue.errors import MoveMissing, MoveRunning, QueueMissing
from lambdad.engines.queue.groups import regroup
from lambdad.engines.queue.records import MoveStatus, MoveTask, Queue, QueueKey
from lambdad.engines.queue.registry import QueueRegistry
from lambdad.engines.queue.storing import from_text, generation_of, renew, to_text
from lambdad.engines.queue.timetable import Timetable
from lambdad.storage.lane import Lane, Row, Transaction

TASKS_KEPT = 10
"""Of one source, finished ones included (ListMessageMoveTasks shows no more)."""
TARGET_GONE = "AWS.SimpleQueueService.NonExistentQueue"
SOURCE_UNKNOWN = "CouldNotDetermineMessageSource"
_STEPS_PER_S = 10
_AGAIN_S = 1.0

_MOVABLE = (
    "SELECT seq, message_group, dead_letter_source FROM queue_messages m "
    "WHERE generation = ? AND due_ms <= ? ORDER BY enqueued_ms, seq LIMIT ?"
)
_MOVABLE_IN_ORDER = (
    "SELECT m.seq, m.message_group, m.dead_letter_source FROM queue_messages m "
    "JOIN queue_groups g ON g.generation = m.generation AND g.message_group = m.message_group "
    "WHERE m.generation = ? AND g.due_ms <= ? ORDER BY m.enqueued_ms, m.seq LIMIT ?"
)
"""Nothing of a group that has a message in flight: it would be overtaken."""


class _Step(Value):
    """What one step moves, and where it may go."""

    task: MoveTask
    source: Queue
    targets: dict[QueueKey, Queue]
    limit: int
    now_ms: int


class MoveTasks:
    """The move tasks of a registry's queues."""

    def __init__(
        self,
        registry: QueueRegistry,
        lane: Lane,
        clock: Clock,
        timetable: Timetable,
        rate_per_s: int,
    ) -> None:
        self._registry = registry
        self._lane = lane
        self._clock = clock
        self._timetable = timetable
        self._rate_per_s = rate_per_s
        self._tasks: dict[str, MoveTask] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Fill the mirror and go on with what was running."""
        for row in await self._lane.read(
            lambda tx: tx.execute("SELECT * FROM queue_moves ORDER BY started_ms")
        ):
            task = _to_task(row)
            self._tasks[task.id] = task
            if task.status is MoveStatus.RUNNING:
                self._work_on(task)

    async def start(
        self, source: QueueKey, target: QueueKey | None, rate_per_s: int | None
    ) -> MoveTask:
        queue = self._registry.get(source)
        if target is not None:
            self._registry.get(target)
        now_ms = self._clock.wall_ms()
        draft = MoveTask(new_uuid(), source, target, rate_per_s, MoveStatus.RUNNING, now_ms, 0, 0)
        if self._running(source):
            raise MoveRunning
        self._tasks[draft.id] = draft  # nobody starts a second one meanwhile
        forgotten = [task.id for task in self.of(source, len(self._tasks))[TASKS_KEPT:]]
        try:
            task = await self._lane.write(lambda tx: _begin(tx, queue, draft, forgotten))
        except BaseException:
            del self._tasks[draft.id]
            raise
        for task_id in forgotten:
            del self._tasks[task_id]
        self._tasks[task.id] = task
        self._work_on(task)
        return task

    async def cancel(self, task_id: str) -> MoveTask:
        task = self._tasks.get(task_id)
        if task is None or task.status is not MoveStatus.RUNNING:
            raise MoveMissing
        row = await self._lane.write(
            lambda tx: tx.execute(
                "UPDATE queue_moves SET status = ? WHERE id = ? AND status = ? RETURNING *",
                (MoveStatus.CANCELLED, task_id, MoveStatus.RUNNING),
            )
        )
        if not row:
            raise MoveMissing
        cancelled = self._tasks[task_id] = _to_task(row[0])
        worker = self._workers.pop(task_id, None)
        if worker is not None:
            worker.cancel()
        return cancelled

    def get(self, task_id: str) -> MoveTask | None:
        return self._tasks.get(task_id)

    def of(self, source: QueueKey, limit: int = TASKS_KEPT) -> list[MoveTask]:
        tasks = [task for task in self._tasks.values() if task.source == source]
        return tasks[::-1][:limit]

    def _running(self, source: QueueKey) -> bool:
        return any(task.status is MoveStatus.RUNNING for task in self.of(source))

    def _work_on(self, task: MoveTask) -> None:
        worker = self._registry.keep(self._run(task.id))
        self._workers[task.id] = worker
        worker.add_done_callback(lambda _: self._workers.pop(task.id, None))

    async def _run(self, task_id: str) -> None:
        rate = min(self._tasks[task_id].rate_per_s or self._rate_per_s, self._rate_per_s)
        limit = max(1, rate // _STEPS_PER_S)
        while self._tasks[task_id].status is MoveStatus.RUNNING:
            try:
                await self._step(task_id, limit)
            except AwsError:  # the disk is full, or the lane: later, then
                await self._timetable.sleep(_AGAIN_S)
            else:
                await self._timetable.sleep(limit / rate)

    async def _step(self, task_id: str, limit: int) -> None:
        task, now_ms = self._tasks[task_id], self._clock.wall_ms()
        source = self._registry.find(task.source)
        if source is None:
            gone = replace(task, status=MoveStatus.FAILED, failure=TARGET_GONE)
            await self._lane.write(lambda tx: _record(tx, gone))
            self._tasks[task_id] = gone
            return
        states = self._registry.states()
        targets = {state.queue.key: state.queue for state in states}
        for state in states:
            # Which of them get something is known afterwards, and then it may be too late.
            if task.target in (None, state.queue.key):
                state.arrivals.expect(now_ms, limit)
        step = _Step(task, source, targets, limit, now_ms)
        self._tasks[task_id] = await self._lane.write(lambda tx: _move(tx, step))


def _begin(tx: Transaction, source: Queue, draft: MoveTask, forgotten: list[str]) -> MoveTask:
    to_move = tx.execute(
        "SELECT COUNT(*) FROM queue_messages WHERE generation = ? AND due_ms <= ?",
        (generation_of(tx, source), draft.started_ms),
    )[0][0]
    task = replace(draft, to_move=to_move)
    tx.execute(
        "INSERT INTO queue_moves VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task.id,
            to_text(task.source),
            None if task.target is None else to_text(task.target),
            task.rate_per_s,
            task.status,
            task.started_ms,
            task.to_move,
            task.moved,
            task.failure,
        ),
    )
    tx.executemany("DELETE FROM queue_moves WHERE id = ?", [(task_id,) for task_id in forgotten])
    return task


def _move(tx: Transaction, step: _Step) -> MoveTask:
    """Move the oldest visible messages; the task as it is then."""
    rows = tx.execute("SELECT * FROM queue_moves WHERE id = ?", (step.task.id,))
    task = _to_task(rows[0])
    if task.status is not MoveStatus.RUNNING:
        return task
    generation = generation_of(tx, step.source)
    fifo = step.source.settings.fifo
    sql = _MOVABLE_IN_ORDER if fifo else _MOVABLE
    messages = tx.execute(sql, (generation, step.now_ms, step.limit))
    moved, failure, groups = 0, None, set()
    for seq, group, origin in messages:
        failure = _send_on(tx, seq, step, from_text(origin))
        if failure is not None:
            break
        moved += 1
        groups.add(group)
    if fifo:
        for group in groups:
            regroup(tx, generation, group, step.now_ms)
    task = replace(task, moved=task.moved + moved, failure=failure)
    if failure is not None:
        task = replace(task, status=MoveStatus.FAILED)
    elif moved < step.limit or task.moved >= task.to_move:
        task = replace(task, status=MoveStatus.COMPLETED)
    _record(tx, task)
    return task


def _send_on(tx: Transaction, seq: int, step: _Step, origin: QueueKey | None) -> str | None:
    """Why it cannot be moved; None: it is."""
    key = step.task.target or origin
    if key is None:
        return SOURCE_UNKNOWN
    target = step.targets.get(key)
    if target is None:
        return TARGET_GONE
    try:
        renew(tx, seq, target, step.now_ms)
    except QueueMissing:
        return TARGET_GONE
    return None


def _record(tx: Transaction, task: MoveTask) -> None:
    tx.execute(
        "UPDATE queue_moves SET status = ?, moved = ?, failure = ? WHERE id = ?",
        (task.status, task.moved, task.failure, task.id),
    )


def _to_task(row: Row) -> MoveTask:
    task_id, source, target, rate_per_s, status, *numbers = row
    key = from_text(source)
    assert key is not None
    return MoveTask(task_id, key, from_text(target), rate_per_s, MoveStatus(status), *numbers)
