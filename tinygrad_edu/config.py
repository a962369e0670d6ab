"""What the arrays run on: versions, the BLAS, threads, kernels, and the variables that can halve the speed."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

import numpy as np

from .kernels import compiled_kernels, get_kernels
from .parallel import get_num_threads

__all__ = ["config", "show_config"]

# They choose the BLAS's kernels and threads. The package never sets them.
VARIABLES = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]


def config() -> dict[str, str]:
    """Return what speed depends on, by name."""
    found = {
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "blas": _blas(),
        "threads": str(get_num_threads()),
        "kernels": f"{get_kernels()} ({compiled_kernels()})",
    }
    return found | {name: os.environ[name] for name in VARIABLES if name in os.environ}


def show_config() -> None:
    """Print what speed depends on, one line each."""
    for name, value in config().items():
        print(f"{name}: {value}")


def _blas() -> str:
    """Describe the BLAS as it runs; as it was built where it is of a kind that cannot be asked."""
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    described = "; ".join(
        f"{p['internal_api']} {p['version']}, core type {p.get('architecture', 'unknown')}, {p['num_threads']} threads"
        for p in pools
    )
    if described:
        return described
    built: Any = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built['name']} {built['version']}"
