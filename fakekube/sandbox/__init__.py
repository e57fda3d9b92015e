"""How does one command see what a container of a pod would see, on a machine without one?

`start(View(...))` runs a command with files at other paths, another hostname, other ids and connections that lead elsewhere.
Standard library only, and nothing else of fakekube: the process that builds the view imports this package alone.
"""

from __future__ import annotations

from fakekube.sandbox.doctor import doctor
from fakekube.sandbox.errors import SandboxError
from fakekube.sandbox.process import API_ADDRESS, Prepared, Process, choose, enter, probe, start
from fakekube.sandbox.view import Address, Mount, Record, Resolver, Rung, RungName, Rungs, View

__all__ = [
    "API_ADDRESS",
    "Address",
    "Mount",
    "Prepared",
    "Process",
    "Record",
    "Resolver",
    "Rung",
    "RungName",
    "Rungs",
    "SandboxError",
    "View",
    "choose",
    "doctor",
    "enter",
    "probe",
    "start",
]
