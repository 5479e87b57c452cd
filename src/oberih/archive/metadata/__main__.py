"""Prints the JSON schema: ``python -m oberih.archive.metadata > docs/description.schema.json``."""

from oberih.archive.metadata.description import json_schema

if __name__ == "__main__":
    print(json_schema(), end="")  # noqa: T201
