"""The lessons of minidl and the runner that takes a learner through them in a terminal.

A lesson (`tutorials.lesson`) is data: steps of narration, code, a picture and a question. `tutorials.recording` runs it;
`tutorials.session` is a learner in it; `tutorials.runner` shows it on a full screen (`screen`, `views`, `runview`),
`tutorials.plain` line by line; `tutorials.command` decides which.

    picture, art      a circuit in text; a figure, an image or a curve as half-blocks, its words as letters (`labels`)
    allotment         how many rows a picture gets, the same before the answer and after it
    answers           what becomes of an answer; of a learner's own file: workbench, and checking in a process of its own
    trying            the lesson's code with lines of one's own
    progress          where one is, in one readable file
    webpage, shots    a lesson as one page, its screens as pictures; slides: all that a lecture needs
    loading           lessons by name or from a file; template: one to start from
"""

from __future__ import annotations
