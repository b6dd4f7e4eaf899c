"""The configuration: one module per section, each key with its type, range, default and description.

A step imports only the parameter classes that it uses, so a new key in one section reruns no step of another. The
string below a key is its description. The first sentence becomes the comment in ``config.yaml``, and the whole string
the entry in ``docs/configuration.md``. ``make docs`` writes both files and the JSON schema.
"""
