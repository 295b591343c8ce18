"""Cost as the number of executed instructions of Python's virtual machine, independent of the clock."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from threading import get_ident
from types import CodeType, FrameType
from typing import Any


def instructions(action: Callable[[], Any]) -> int:
    """The number of instructions that Python executes in an action; C code of libraries is not counted.

    Numbers are comparable on one version of Python only, because each version has its own instructions.
    """
    collects = gc.isenabled()
    gc.disable()  # or finalizers of other objects would be counted
    try:
        # From 3.12 on sys.settrace misses instructions; 3.11 has only sys.settrace.
        return _monitored(action) if sys.version_info >= (3, 12) else _traced(action)
    finally:
        if collects:
            gc.enable()


def _monitored(action: Callable[[], Any]) -> int:
    count, thread = 0, get_ident()

    def step(code: CodeType, offset: int) -> None:
        nonlocal count
        count += get_ident() == thread

    monitoring = sys.monitoring
    tool, instruction = monitoring.PROFILER_ID, monitoring.events.INSTRUCTION
    monitoring.use_tool_id(tool, __name__)
    monitoring.register_callback(tool, instruction, step)
    monitoring.set_events(tool, instruction)
    try:
        action()
    finally:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, instruction, None)
        monitoring.free_tool_id(tool)
    return count


def _traced(action: Callable[[], Any]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count
