"""A cluster in which one write, after `clash_at` others, meets a Conflict; and the check that a second look finds nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakekube.errors import Conflict
from tests.controllers.in_memory import Cluster


@dataclass
class ClashingCluster(Cluster):
    clash_at: int | None = None
    """None until a test says so."""

    def _wrote(self, verb: str, resource: str, object: dict[str, Any]) -> None:
        super()._wrote(verb, resource, object)
        if self.clash_at is not None and resource != "events":
            if self.clash_at == 0:
                self.clash_at = None
                raise Conflict("the object has been modified; please apply your changes to the latest version", {})
            self.clash_at -= 1

    async def writes_of_a_second_look(self) -> list[tuple[str, str]]:
        """What controllers that know nothing do to what others have left."""
        await self.settle()
        await self.loop.stop()
        before = len(self.writes)
        self.new_loop()
        self.loop.start()
        await self.settle()
        return [(verb, resource) for verb, resource, _ in self.writes[before:]]
