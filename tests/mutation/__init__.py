"""Are the tests any good? Break every derivative rule and every kernel, in every small way, and see that a test notices.

`python -m tests.mutation` breaks them all; `--sample 150` takes some of them. A mutant that no test notices is a survivor:
either a test is missing, or the mutant computes the same as the original; the latter stand, with reasons, in equivalents.py.
"""
