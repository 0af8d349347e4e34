"""Puts into the wheel what is not in the sources: the generated modules and the library.

Both come from one library, because generated modules check that they fit the library they load.
"""

import os
import pathlib
import shutil
import subprocess
import sysconfig
import tempfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARIES = ("libgongdan.so", "libgongdan.dylib", "gongdan.dll")


class BindingsHook(BuildHookInterface):
    def initialize(self, version, build_data):
        root = pathlib.Path(self.root)
        default = root.parent.parent / "target" / "debug"
        libraries = pathlib.Path(os.environ.get("GONGDAN_LIBRARY_DIR", default))
        found = [libraries / name for name in LIBRARIES if (libraries / name).is_file()]
        if not found:
            raise RuntimeError(
                f"no library in {libraries}; first run: cargo build -p gongdan-ffi -p uniffi-bindgen"
            )
        self.generated = tempfile.mkdtemp(prefix="gongdan-wheel-")
        subprocess.run([root.parent / "generate", "python", self.generated], check=True)
        shutil.copy(found[0], self.generated)
        build_data["force_include"][self.generated] = "gongdan/_bindings"
        # Any Python 3, on this platform: the library uses no Python interface.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False

    def finalize(self, version, build_data, artifact_path):
        shutil.rmtree(self.generated)
