"""Play recordings against `fakekube serve --nodes 0` and compare.

python -m tests.conformance.run                 everything; says what differs from not_yet.yaml
python -m tests.conformance.run watch list/limit    these areas and scenarios; shows each scenario's first difference, listed or not
python -m tests.conformance.run --every patch   all differences
python -m tests.conformance.run --update        writes not_yet.yaml and docs/parity.md
"""

from __future__ import annotations

import argparse
import concurrent.futures
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import not_yet, parity, replay, replay_kubectl, values
from .kubectl_binary import recorded_kubectl
from .recordings import KUBECTL, Recording, selected
from .servers import Served, serve

SERVERS = 4
"""Servers that are played against at a time: the players mostly wait, for kubectl or for an answer not to come."""

SHARE = {KUBECTL: 4}
"""Scenarios that one server meets before it is replaced by a fresh one, so that what a scenario leaves behind (in areas of
cluster-wide things above all) cannot reach far, and always reaches the same ones."""
USUAL_SHARE = 8

FIRST = (KUBECTL, "controllers", "watch", "delete")
"""Areas that take long, begun first so that nobody waits for them at the end."""


@dataclass
class Outcome:
    """What became of one scenario."""

    recording: Recording
    listed: Mapping[int, str]
    failed: dict[int, list[str]] = field(default_factory=dict)
    """By step the differences; a first line says what was asked."""
    in_vain: set[int] = field(default_factory=set)
    """Steps that are not recorded and waited for what did not come."""
    traceback: str = ""
    seconds: float = 0.0

    @property
    def unexpected(self) -> list[int]:
        return sorted(self.failed.keys() - self.listed.keys())

    @property
    def no_longer(self) -> list[int]:
        """Steps that are listed and pass."""
        return sorted(self.listed.keys() - self.failed.keys() - self.in_vain - self.races)

    @property
    def races(self) -> set[int]:
        """Steps that are listed and pass now and then."""
        return {step for step, reason in self.listed.items() if reason.startswith(not_yet.RACE)}

    def complaint(self) -> str:
        """Why the scenario does not hold, empty if it does."""
        lines = [line for step in self.unexpected for line in self.failed[step]]
        if self.no_longer:
            steps = not_yet.in_words(self.no_longer)
            lines.append(f"{self.recording}: pass now and must leave {not_yet.FILE.name}: steps {steps}")
            lines.append("    python -m tests.conformance.run --update does that")
        if self.traceback:
            lines += [f"{self.recording}: the server wrote a traceback", self.traceback]
        return "\n".join(lines)


def play(recording: Recording, server: Served, listed: Mapping[int, str], patient: bool = False) -> Outcome:
    """One scenario. `patient` waits out even what is known not to come."""
    outcome = Outcome(recording, listed)
    begun = time.monotonic()
    hopeless = () if patient else listed.keys()
    played: list[replay.Played] = []
    broken = ""
    try:
        if recording.area == KUBECTL:
            played = replay_kubectl.play(recorded_kubectl(), server.kubeconfig, recording.scenario, hopeless)
        else:
            player = replay.Player(server.url, server.ssl_context, server.token)
            try:
                played = replay.Play(player, recording.scenario, hopeless).run()
            finally:
                player.close()
    except Exception as error:  # a server that breaks the connection fails the whole scenario
        broken = f"{type(error).__name__}: {error}"
    answers = {step.position: step.answer for step in played if step.answer is not None}
    outcome.in_vain = {step.position for step in played if not step.met and step.answer is None}
    for position, want in zip(recording.positions, recording.golden, strict=True):
        found = [broken] if broken else _differences(recording, want, answers.get(position, {}))
        if found:
            asked = want.get("do") or want["run"].strip()
            outcome.failed[position] = [f"{recording} step {position}: {asked}", *(f"    {line}" for line in found)]
    outcome.traceback = server.new_traceback()
    outcome.seconds = time.monotonic() - begun
    return outcome


def _differences(recording: Recording, want: dict[str, Any], got: dict[str, Any]) -> list[str]:
    return replay_kubectl.differences(want, got) if recording.area == KUBECTL else values.differences(want, got)


class Run:
    """Plays recordings in threads; `outcomes` are futures, so that a test can wait for its own scenario."""

    def __init__(self, recordings: Sequence[Recording], servers: int = SERVERS, patient: bool = False) -> None:
        self.patient = patient
        self.listed = not_yet.load()
        self.outcomes: dict[Recording, concurrent.futures.Future[Outcome]] = {
            each: concurrent.futures.Future() for each in recordings
        }
        self._shares: queue.SimpleQueue[list[Recording]] = queue.SimpleQueue()
        for share in shares(recordings):
            self._shares.put(share)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(servers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """After the scenarios that are being played."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                share = self._shares.get_nowait()
            except queue.Empty:
                return
            try:
                with serve() as server:
                    for recording in share:
                        if self._stopped.is_set():
                            return
                        listed = self.listed.get(str(recording), {})
                        self.outcomes[recording].set_result(play(recording, server, listed, self.patient))
            except Exception as error:  # whoever waits for one of these learns that there is no server
                for recording in share:
                    if not self.outcomes[recording].done():
                        self.outcomes[recording].set_exception(error)


def shares(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """The same recordings in groups, each for a server of its own."""
    by_area: dict[str, list[Recording]] = {}
    for recording in sorted(recordings):
        by_area.setdefault(recording.area, []).append(recording)
    areas = [area for area in FIRST if area in by_area] + [area for area in by_area if area not in FIRST]
    found: list[list[Recording]] = []
    for area in areas:
        size = SHARE.get(area, USUAL_SHARE)
        found += [by_area[area][start : start + size] for start in range(0, len(by_area[area]), size)]
    return found


def update(outcomes: Sequence[Outcome]) -> None:
    """Write not_yet.yaml and docs/parity.md anew, for these scenarios."""
    listed = not_yet.load()
    for outcome in outcomes:
        recording, steps = outcome.recording, outcome.recording.scenario["steps"]
        listed[str(recording)] = {
            position: outcome.listed.get(position) or not_yet.likely_reason(recording, steps[position - 1])
            for position in sorted(outcome.failed.keys() | outcome.in_vain | outcome.races)
        }
    not_yet.dump(listed)
    parity.FILE.write_text(parity.page(not_yet.load()))


def show(outcome: Outcome, listed_too: bool, every: bool) -> None:
    steps = sorted(outcome.failed) if listed_too else outcome.unexpected
    for step in steps if every else steps[:1]:
        mark = f"    (listed: {outcome.listed[step]})" if step in outcome.listed else ""
        print("\n".join([*outcome.failed[step], *([mark] if mark else [])]))
    if not every and len(steps) > 1:
        print(f"    ... and {len(steps) - 1} more of {outcome.recording}")
    if outcome.no_longer:
        print(f"{outcome.recording}: pass now: steps {not_yet.in_words(outcome.no_longer)}")
    if outcome.traceback:
        whole = outcome.traceback if every else "\n".join(last_frame(outcome.traceback))
        print(f"{outcome.recording}: the server wrote a traceback\n{whole}")


def last_frame(log: str) -> list[str]:
    """Of the first traceback in a log where it happened, and what."""
    lines = log.splitlines()
    end = next((n for n, line in enumerate(lines) if n and not line.startswith(" ")), len(lines) - 1)
    return lines[max(0, end - 3) : end + 1]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="AREA[/SCENARIO]", help="default: all")
    parser.add_argument("--update", action="store_true", help="write not_yet.yaml and docs/parity.md from this run")
    parser.add_argument("--every", action="store_true", help="show all differences, not each scenario's first")
    parser.add_argument("--patient", action="store_true", help="let steps that are listed wait as long as they may")
    parser.add_argument("--servers", type=int, default=SERVERS, help="how many are played against at a time")
    given = parser.parse_args(arguments)
    try:
        recordings = selected(given.names)
    except ValueError as error:
        parser.error(str(error))
    run = Run(recordings, given.servers, given.patient)
    outcomes: list[Outcome] = []
    try:
        for future in concurrent.futures.as_completed(run.outcomes.values()):
            outcome = future.result()
            outcomes.append(outcome)
            show(outcome, bool(given.names), given.every)
    finally:
        run.stop()
    if given.update:
        update(outcomes)
    print(summary(outcomes))
    return 0 if given.update or not any(outcome.complaint() for outcome in outcomes) else 1


def summary(outcomes: Sequence[Outcome]) -> str:
    """A line for each area: steps, equal ones, and what of the rest nobody expected."""
    lines = []
    for area in sorted({outcome.recording.area for outcome in outcomes}):
        of_area = [outcome for outcome in outcomes if outcome.recording.area == area]
        steps = sum(len(outcome.recording.positions) for outcome in of_area)
        failed = sum(len(outcome.failed) for outcome in of_area)
        unexpected = sum(len(outcome.unexpected) for outcome in of_area)
        no_longer = sum(len(outcome.no_longer) for outcome in of_area)
        seconds = sum(outcome.seconds for outcome in of_area)
        notes = f", {unexpected} not listed" * bool(unexpected) + f", {no_longer} listed pass" * bool(no_longer)
        lines.append(f"{area:15} {steps - failed:4} of {steps:4} equal{notes} ({seconds:.0f} s)")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
