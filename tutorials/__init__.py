"""The lessons of minidl and the runner that takes a learner through them in a terminal.

A lesson (`tutorials.lesson`) is data: steps of narration, code, a picture and a question. `tutorials.recording` runs it
once; `tutorials.session` is a learner in it; `tutorials.runner` shows it on a full screen, `tutorials.plain` line by
line; `tutorials.command` decides which.
"""

from __future__ import annotations
