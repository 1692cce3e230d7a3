"""The plugin: Pulumi runs it for programs in other languages than Python."""

import gc

# This process ends with the program; what it loads, and the program's futures, live as long. Looking for garbage takes
# a third of the time, and what it would find is less than a megabyte of a component.
gc.disable()

from pulumi_aws_eda import plugin  # noqa: E402 - what it loads counts, too

plugin.serve()
