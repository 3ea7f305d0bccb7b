"""Check what the built packages say about themselves: check_packages.py PACKAGES VERSION."""

import json
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from xml.etree import ElementTree

packages, version = Path(sys.argv[1]), sys.argv[2]
DESCRIPTION = "A typed client of the Tenant Registry, generated from its OpenAPI document"


def equal(found, expected):
    if found != expected:
        sys.exit(f"{found!r} instead of {expected!r}")


with tarfile.open(packages / f"tenant-registry-client-{version}.tgz") as npm:
    names = set(npm.getnames())
    package = json.load(npm.extractfile("package/package.json"))
equal((package["description"], package["license"], package["version"]), (DESCRIPTION, "UNLICENSED", version))
entries = [entry for condition in package["exports"]["."].values() for entry in condition.values()]
needed = [package["main"], package["module"], package["types"], *entries, "./README.md", "./LICENSE"]
equal([name for name in needed if name.replace("./", "package/", 1) not in names], [])
# Besides these, npm adds only package.json, README and LICENSE.
equal(package["files"], ["dist"])
equal({name.split("/")[1] for name in names}, {"dist", "package.json", "README.md", "LICENSE"})
# Places and people that the generator would invent.
equal({"author", "repository", "homepage", "bugs"} & package.keys(), set())

with zipfile.ZipFile(packages / f"tenant_registry_client-{version}-py3-none-any.whl") as wheel:
    folder = f"tenant_registry_client-{version}.dist-info"
    metadata = message_from_bytes(wheel.read(f"{folder}/METADATA"))
    equal(f"{folder}/licenses/LICENSE" in wheel.namelist(), True)
    equal("tenant_registry_client/py.typed" in wheel.namelist(), True)
equal((metadata["Name"], metadata["Version"], metadata["Summary"]), ("tenant-registry-client", version, DESCRIPTION))
equal(metadata["License-Expression"], "LicenseRef-Proprietary")
equal("Private :: Do Not Upload" in metadata.get_all("Classifier"), True)
equal(metadata.get_payload().splitlines()[0], "# tenant-registry-client")
equal([metadata[key] for key in ("Author", "Author-email", "Home-page", "Project-URL")], [None] * 4)

maven = "{http://maven.apache.org/POM/4.0.0}"
pom = ElementTree.parse(packages / f"tenant-registry-client-{version}.pom").getroot()
equal((pom.findtext(f"{maven}version"), pom.findtext(f"{maven}description")), (version, DESCRIPTION))
equal(pom.findtext(f"{maven}licenses/{maven}license/{maven}name"), "LicenseRef-Proprietary")
equal([pom.find(maven + name) for name in ("url", "scm", "developers")], [None] * 3)
with zipfile.ZipFile(packages / f"tenant-registry-client-{version}.jar") as jar:
    equal("LICENSE" in jar.namelist(), True)
