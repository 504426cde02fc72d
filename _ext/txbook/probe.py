"""What a notebook's kernel is asked after its last cell: how much memory it took, and on what.

The build runs this file's text inside the kernel, so that it imports nothing that is not there
already and stands alone.
"""


def peak_memory_mib():
    """Return the most memory this process has held so far, in MiB, or None where nobody knows."""
    import sys
    from pathlib import Path

    if sys.platform == "linux":  # ru_maxrss would count the parent process as well
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    if sys.platform == "win32":
        psutil = sys.modules.get("psutil") or __import__("psutil")
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def accelerator(torch):
    """Return the device that txlite chose, in words, and its peak memory in MiB (None on a CPU)."""
    import os
    import sys

    txlite = sys.modules.get("txlite")
    kind = txlite.device().type if txlite and torch else "cpu"
    if kind == "cuda":
        return torch.cuda.get_device_name(), torch.cuda.max_memory_allocated() / 2**20
    if kind == "mps":
        return "Apple GPU", torch.mps.driver_allocated_memory() / 2**20
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    threads = torch.get_num_threads() if torch else 1
    return f"CPU, {threads} of {cores} cores", None


def probe():
    """Return the measurement as a dict of plain values."""
    import os
    import platform
    import sys

    torch = sys.modules.get("torch")
    device, device_mib = accelerator(torch)
    return {
        "memory_mib": peak_memory_mib(),
        "device": device,
        "device_mib": device_mib,
        "torch": str(torch.__version__).partition("+")[0] if torch else None,
        "python": platform.python_version(),
        "system": platform.system(),
        "budget": os.environ.get("TXLITE_BUDGET", "laptop"),
    }
