"""A GPU in slow motion: kernels run as plain Python, thread by thread, on any machine.

`words.py` is the language that kernels are written in, as Python; `scheduler.py` lets a block's threads take turns and finds
out where they wait for each other wrongly; `driver.py` and `queues.py` stand in for the CUDA driver, over the host's memory.
`observed.py` has arrays that tell of every access: `trace.py` notes who touched which memory, for the figures, `traffic.py`
counts what that costs a GPU, and `races.py` finds threads that touch one element in no order.
"""
