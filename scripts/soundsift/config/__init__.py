"""The configuration: one module per section, each key with its type, range, default and description.

A step imports the section that it works by and no other, so a new key of one section reruns no step of another. The
string under a key is its description: its first sentence stands in ``config.yaml``, all of it in
``docs/configuration.md``.
"""
