"""The log of a process: lines, their pieces, how much is kept, and which run's log is shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fakekube.api import container_logs
from fakekube.api.container_logs import ContainerLogs, Entry, ProcessLog

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z"}
}
CONTAINER = {"name": "c", "image": "i"}


def begin(logs: ContainerLogs, restarts: int | None, *texts: str) -> ProcessLog:
    log = logs.begin_process("u", "c", lambda: NOW)
    log.restarts = restarts
    for text in texts:
        log.write("stdout", text.encode())
    return log


def texts(log: ProcessLog) -> list[bytes]:
    return [line.text for line in log.lines]


def read(logs: ContainerLogs, restarts: int, *, previous: bool = False) -> bytes:
    written = logs.written(POD, CONTAINER, {}, restarts, previous=previous)
    return b"".join(line.text for line in written.lines)


def test_lines_are_there_when_they_end() -> None:
    log = begin(ContainerLogs(), 0, "on", "e\ntwo\nth")

    assert texts(log) == [b"one\n", b"two\n"]
    log.close()
    assert texts(log) == [b"one\n", b"two\n", b"th"]


def test_streams_do_not_tear_each_others_lines() -> None:
    log = begin(ContainerLogs(), 0, "o")
    log.write("stderr", b"e\n")
    log.write("stdout", b"ut\n")

    assert texts(log) == [b"e\n", b"out\n"]


def test_only_line_feeds_end_lines() -> None:
    assert texts(begin(ContainerLogs(), 0, "10%\r20%\x0c\x85\r\n")) == ["10%\r20%\x0c\x85\r\n".encode()]


def test_a_very_long_line_is_kept_in_pieces() -> None:
    log = begin(ContainerLogs(), 0, "x" * 10_000, "y" * 10_000, "z\n")

    assert texts(log) == [b"x" * 10_000 + b"y" * 10_000, b"z\n"]


def test_of_very_much_the_end_is_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(container_logs, "LIMIT_BYTES", 100 * (container_logs.LINE_COST_BYTES + 4))
    log = begin(ContainerLogs(), 0, *(f"{number:03}\n" for number in range(500)))

    assert log.lines[-1].text == b"499\n"
    assert 50 <= len(log.lines) <= 100
    assert log.dropped + len(log.lines) == 500


def test_each_run_has_its_log() -> None:
    logs = ContainerLogs()
    begin(logs, 0, "first\n")
    begin(logs, 1, "second\n")

    assert (read(logs, 0, previous=True), read(logs, 1)) == (b"first\n", b"second\n")


def test_a_process_that_is_about_to_begin_is_the_run_to_come() -> None:
    logs = ContainerLogs()
    begin(logs, 0, "first\n")
    begin(logs, None, "second\n")

    assert read(logs, 1) == b"second\n"


def test_a_run_without_a_process_shows_the_last_ones_output() -> None:
    logs = ContainerLogs()
    begin(logs, 0, "traceback\n")

    assert read(logs, 1) == b"traceback\n"
    assert read(logs, 0, previous=True) == b"traceback\n"
    logs.put(Entry(text="said\n"))
    assert read(logs, 1) == b"said\n"


def test_what_is_said_does_not_hide_the_output_of_a_process() -> None:
    logs = ContainerLogs()
    begin(logs, 0, "really\n")
    logs.put(Entry(text="said\n"))

    assert read(logs, 0) == b"really\n"


def test_two_runs_are_kept_and_those_of_pods_that_are_gone_are_not() -> None:
    logs = ContainerLogs()
    for restarts in range(3):
        begin(logs, restarts, f"{restarts}\n")

    assert [read(logs, 2), read(logs, 1, previous=True), read(logs, 0, previous=True)] == [b"2\n", b"1\n", b""]
    logs.forget(lambda uid: uid == "u")
    assert read(logs, 2) == b""


def test_processes_that_were_never_started_push_no_log_out() -> None:
    logs = ContainerLogs()
    begin(logs, 0, "first\n")
    for _ in range(3):
        begin(logs, None)

    assert read(logs, 0) == b"first\n"
