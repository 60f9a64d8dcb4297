"""What came of a scenario: a table for people and an object for the file."""

import os
import platform
import re
import statistics
import subprocess

import plot

# Column, its width, how it is shown.
COLUMNS = {
    "load": [("rate", "per s", "{:,.0f}"), ("p50_us", "p50 us", "{:,.0f}"), ("p99_us", "p99 us", "{:,.0f}"),
             ("p999_us", "p99.9 us", "{:,.0f}"), ("server_cpu_us", "CPU us each", "{:.2f}"), ("cpu_ratio", "by CPU", "{:.3f}")],
    "mixed": [("p99_alone_us", "p99 us alone", "{:,.0f}"), ("p99_us", "p99 us beside", "{:,.0f}"), ("p99_times", "times", "{:.2f}")],
    "start": [("start_ms", "ms", "{:.1f}"), ("program_kib", "program KiB", "{:,.0f}")],
    "idle": [("bytes_each", "bytes each", "{:,.0f}"), ("ready_s", "all there s", "{:.2f}"), ("cpu_percent", "CPU %", "{:.1f}")],
}
# What is compared with the first floor.
COMPARED = {"load": "rate", "mixed": None, "idle": "bytes_each", "start": "start_ms"}


def spread(numbers):
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def summary(scenario, rounds):
    """`rounds`: for each round, contestant -> its numbers. Ratios are taken within a round."""
    compared = COMPARED[scenario["kind"]]
    base = scenario["floors"][0] if compared and scenario["floors"] else None
    found = {}
    for name in rounds[0]:
        keys = rounds[0][name]
        entry = {key: spread([numbers[name][key] for numbers in rounds]) for key in keys}
        if base and compared in keys:
            entry["ratio"] = spread([numbers[name][compared] / numbers[base][compared] for numbers in rounds])
        if base and "server_cpu_us" in keys:
            # Less noisy where the machine is busy with other things, but blind to waiting.
            entry["cpu_ratio"] = spread([numbers[base]["server_cpu_us"] / numbers[name]["server_cpu_us"] for numbers in rounds])
        found[name] = entry
    return {"base": base, "contestants": found}


def table(scenario, summed):
    columns = COLUMNS[scenario["kind"]]
    base = summed["base"]
    head = ["", f"of the {base} (min..max)" if base else "", *(title for _, title, _ in columns)]
    rows = [head]
    for name, entry in summed["contestants"].items():
        ratio = entry.get("ratio")
        shown = "{median:.3f} ({min:.3f}..{max:.3f})".format(**ratio) if ratio else ""
        rows.append([name, shown, *(form.format(entry[key]["median"]) if key in entry else "" for key, _, form in columns)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths)))
                     for row in rows)


def picture(path, result):
    """A bar for each contestant in each scenario: its part of the floor, or what its kind is about."""
    panels = {}
    for name, summed in result["scenarios"].items():
        key = "ratio" if summed["base"] else "p99_times"
        entries = [(who, entry[key]["median"], entry[key]["min"], entry[key]["max"])
                   for who, entry in summed["contestants"].items() if key in entry]
        said = f"parts of the {summed['base']}" if summed["base"] else "p99 beside the others, as times that alone"
        panels[f"{name}: {said}"] = entries, 1.2 if summed["base"] else "*"
    plot.bars(path, panels, "{cpu}, {cores} cores; medians, least and most".format(**result["machine"]))


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.+)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal: +(\d+)", file.read()).group(1)) // 1024
    return {"cpu": model.group(1) if model else platform.machine(), "cores": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release(), "load_average": os.getloadavg()[0]}


def build():
    def say(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {"commit": say("git", "describe", "--always", "--dirty"), "preset": "release (-O2)",
            "compiler": say("c++", "--version").partition("\n")[0]}
