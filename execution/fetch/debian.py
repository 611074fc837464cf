"""Fashion-MNIST from its Debian package, for machines that reach only package mirrors."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiment.data.formats import Wanted
from experiment.errors import DataError


@dataclass(frozen=True)
class Installed:
    """The files of the installed package."""

    folder: Path = Path("/usr/share/datasets/fashion-mnist")

    @property
    def name(self) -> str:
        return f"Debian's package in {self.folder}"

    def fetch(self, wanted: Wanted, into: Path) -> Iterator[tuple[str, Path]]:
        if not self.folder.is_dir():
            raise DataError("not installed")
        for array, expected in wanted.items():
            yield array, shutil.copyfile(self.folder / expected.idx, into / expected.idx)


@dataclass(frozen=True)
class DebianPackage:
    """The package, fetched by apt and unpacked without root. If the machine's package lists are missing or too old,
    it is fetched with fresh lists in a temporary folder."""

    package: str = "dataset-fashion-mnist"
    timeout: float = 900  # seconds, for each command

    @property
    def name(self) -> str:
        return f"Debian's package {self.package} by apt-get"

    def fetch(self, wanted: Wanted, into: Path) -> Iterator[tuple[str, Path]]:
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise DataError("no apt-get and dpkg-deb on this machine")
        into = into.resolve()  # the commands run in this folder
        # Apt's own user may have no access to the folder.
        apt = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
        own = ["-o", f"Dir::State::Lists={into}/lists", "-o", f"Dir::Cache={into}/cache"]
        try:
            self.run([*apt, "download", self.package], into)
        except DataError as first:
            for folder in ("lists/partial", "cache/archives/partial"):
                (into / folder).mkdir(parents=True)
            try:
                self.run([*apt, *own, "update"], into)
                self.run([*apt, *own, "download", self.package], into)
            except DataError as second:
                raise DataError(
                    f"{first}; with fresh package lists: {second}; check /etc/apt and the network, "
                    "run `apt-get update` as root and start again"
                ) from second
        for package in into.glob("*.deb"):
            self.run(["dpkg-deb", "-x", str(package), "unpacked"], into)
        for array, expected in wanted.items():
            yield array, into / "unpacked/usr/share/datasets/fashion-mnist" / expected.idx

    def run(self, command: Sequence[str], into: Path) -> None:
        """Run a command in the folder `into`; DataError with the last line of its error output if it fails."""
        try:
            subprocess.run(  # noqa: S603 - fixed commands, no shell, nothing that came from outside
                command, cwd=into, env={**os.environ, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, timeout=self.timeout,
                check=True, capture_output=True, text=True, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DataError(f"{command[0]} did not end within {self.timeout:g} s") from error
        except subprocess.CalledProcessError as error:
            complaint = error.stderr.strip() or f"exit status {error.returncode}"
            raise DataError(f"{command[0]}: {complaint.splitlines()[-1]}") from error
