"""Where the time of a computation went, as a figure: what `minidl.profile` measured."""
