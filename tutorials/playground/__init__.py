"""A playground in the terminal: a small network learns to divide the plane while one looks on and turns its dials.

    minidl playground

After D. Smilkov et al., "Direct-manipulation visualization of deep networks" (arXiv:1708.03788, 2017), whose data sets,
inputs, loss and first weights these are, so that what one sees at playground.tensorflow.org can be seen here, with minidl's
own engine behind it.

Where to read: `network` is the model and the loop that trains it, and needs nothing of the rest. `settings` says what can
be chosen, `dials` how keys turn it. `session` trains and remembers what was changed when, so that one command line brings
all of it back. `plane`, `weights` and `curves` draw; `screen` puts their parts beside each other, `terminal` shows what has
changed of them, `live` reads keys. `plain` is for where there is no terminal, `command` begins it all.
"""
