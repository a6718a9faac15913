"""An embedded Zoom for people without an account, for tests and for measurements."""

from sandbox.embedded import Sandbox
from sandbox.expected import Reading
from sandbox.faults import Fault
from sandbox.limits import Label, Limit
from sandbox.options import SandboxOptions

__all__ = ["Fault", "Label", "Limit", "Reading", "Sandbox", "SandboxOptions"]
