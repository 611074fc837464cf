"""What the figures were measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import llvmlite.binding
import numpy  # noqa: F401 - loads the BLAS that threadpool_info tells of
import psutil
from threadpoolctl import threadpool_info

from execution.outputs.provenance import commit
from softmax.kernels import KIND, TILES

# Kinds of tiles, the processor to compile for in place of the one at hand, and OpenBLAS's name for one without more
LEVELS = {
    "AVX-512": ("x86-64-v4", ("avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd", "avx2", "fma"), "SkylakeX"),
    "AVX": ("x86-64-v3", ("avx", "avx2", "fma"), "Haswell"),
    "other": ("x86-64-v2", ("sse4.2",), "Nehalem"),
}
PACKAGES = ("numpy", "numba", "scikit-learn", "optuna", "ray", "torch", "prefect", "wandb")


def machine() -> dict[str, str]:
    blas = [f"{pool['internal_api']} {pool['version']} for {pool.get('architecture')}" for pool in threadpool_info()]
    return {
        "processor": f"{processor()}, {len(psutil.Process().cpu_affinity())} cores to use, {os.cpu_count()} in all",
        "vector registers": f"{TILES[KIND].registers} ({KIND})",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES},
        "BLAS": "; ".join(blas),
        "commit": str(commit()),
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def emulations() -> list[str]:
    """The kinds of tiles that this machine can compile for and run."""
    features = llvmlite.binding.get_host_cpu_features()
    return [kind for kind, (_, needed, _) in LEVELS.items() if all(map(features.get, needed))]


def emulated(kind: str) -> dict[str, str]:
    """The environment in which Numba and OpenBLAS know no more of the processor than that it is of this kind."""
    processor, features, core_type = LEVELS[kind]
    return {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": ",".join(f"+{name}" for name in features),
        "OPENBLAS_CORETYPE": core_type,
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
