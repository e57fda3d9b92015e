"""The second pass over the mutating plugins: who sees an object once more after others have changed it.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
"""

from __future__ import annotations

from collections.abc import Hashable


class Turns:
    """Those whom one plugin asks about a write, policies or webhooks, over both passes."""

    __slots__ = ("again", "asked", "left")

    def __init__(self) -> None:
        self.asked: set[Hashable] = set()
        """Those that want to be asked again (reinvocationPolicy) if something changes after them."""
        self.again: set[Hashable] = set()
        """Those that are, in the second pass."""
        self.left = b""
        """The object as they left it."""

    def ask_again(self) -> None:
        """Something has changed after all that have been asked so far."""
        self.again |= self.asked
        self.asked = set()


class Passes:
    """What is left behind in the first pass over one write, for the second."""

    __slots__ = ("is_changed", "is_second", "policies", "webhooks")

    def __init__(self) -> None:
        self.is_second = False
        self.is_changed = False
        """A policy or a webhook has changed the object: then all mutating plugins see it a second time."""
        self.policies, self.webhooks = Turns(), Turns()
