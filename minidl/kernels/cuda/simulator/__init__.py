"""A GPU in slow motion: kernels run as plain Python, thread by thread, on any machine.

`words.py` is the language that kernels are written in, as Python; `scheduler.py` lets a block's threads take turns and finds
out where they wait for each other wrongly; `driver.py` stands in for the CUDA driver, over the host's memory; `trace.py`
notes who touched which memory, for the figures.
"""
