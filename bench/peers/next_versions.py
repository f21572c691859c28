"""Makes copies of a version of a model under the numbers that follow, ready to be renamed into place.

    next_versions.py VERSION_FOLDER OUT FIRST COUNT

A manifest names its version and carries a checksum of itself (xxh3_128 over its text with zeros in that place).
"""

import json
import pathlib
import shutil
import sys

import xxhash

source, out, first, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
for version in range(first, first + count):
    folder = out / str(version)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["version"] = version
    manifest["checksum"] = "0" * 32
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(text.replace("0" * 32, xxhash.xxh3_128_hexdigest(text.encode())))
print(json.dumps({"made": count}))
