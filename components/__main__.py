"""The plugin: Pulumi runs it for programs in other languages than Python."""

from pulumi_aws_eda import plugin

plugin.serve()
