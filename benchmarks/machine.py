"""What the figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy  # noqa: F401 - loads the BLAS that threadpool_info tells of
import psutil
from threadpoolctl import threadpool_info

from execution.provenance import commit

PACKAGES = ("numpy", "numba", "scikit-learn", "torch", "prefect", "wandb")


def machine() -> dict[str, str]:
    blas = [f"{pool['internal_api']} {pool['version']} for {pool.get('architecture')}" for pool in threadpool_info()]
    return {
        "processor": f"{processor()}, {len(psutil.Process().cpu_affinity())} cores to use, {os.cpu_count()} in all",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES},
        "BLAS": "; ".join(blas),
        "commit": str(commit()),
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
