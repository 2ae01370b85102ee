#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares plug with socat, HAProxy and nginx in alternating rounds on this machine, all on loopback.

CPU seconds of the relay (user + system, all its processes) are the figure to trust on a shared machine, then the
ratio within a round, then throughput. Data is checked in every round. Prints medians and ratios, and writes all
figures as JSON. A peer that is not installed is named and left out.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402
import relays  # noqa: E402

GB = 1e9


def own_network():
    """Starts again in a network namespace: a machine's default may pace even loopback (BBR does)."""
    if os.environ.get("PLUG_BENCH_NETWORK") or not shutil.which("unshare"):
        return
    env = dict(os.environ, PLUG_BENCH_NETWORK="own")
    user = [] if os.geteuid() == 0 else ["-U", "-r"]
    enter = ["unshare", *user, "-n", "sh", "-c",
             'ip link set lo up; sysctl -qw net.ipv4.tcp_congestion_control=reno 2>/dev/null; exec "$@"', "sh"]
    if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.execvpe(enter[0], [*enter, sys.executable, *sys.argv], env)


def bulk(name, args):
    """{figure: value} of one relay in one round; `direct` is no relay at all."""
    size = args.size << 20
    with load.Server(load.count) as server:
        if name == "direct":
            load.bulk(server.port, size // 16)
            start = time.monotonic()
            load.bulk(server.port, size)
            return {"GB/s": size / GB / (time.monotonic() - start)}
        with relays.Relay(name, server.port) as relay:
            load.bulk(relay.port, size // 16)
            relay.begin()
            start = time.monotonic()
            load.bulk(relay.port, size)
            wall = time.monotonic() - start
            return {"CPU s/GB": relay.end() / size * GB, "GB/s": size / GB / wall}


def short(name, args):
    amount = max(32, args.connections // 32 * 32)
    with load.Server(load.answer) as server, relays.Relay(name, server.port) as relay:
        load.short(relay.port, 32)
        relay.begin()
        start = time.monotonic()
        load.short(relay.port, amount)
        wall = time.monotonic() - start
        return {"CPU us/connection": relay.end() / amount * 1e6, "connections/s": amount / wall}


def idle(name, args):
    with load.Server(load.hold) as server, relays.Relay(name, server.port) as relay:
        first = load.idle(relay.port, 20)  # what is allocated once does not count
        before = relay.memory()
        more = load.idle(relay.port, args.idle)
        held = relay.memory() - before
        for s in first + more:
            s.close()
        return {"bytes/idle connection": held / args.idle}


def late(name, args):
    """A reply 2 s after the client's half-close. First every byte of 4 MiB each way: who spoils data has no figure."""
    with load.Server(load.digest) as server, relays.Relay(name, server.port) as relay:
        load.check(relay.port)
    with load.Server(load.late) as server, relays.Relay(name, server.port) as relay:
        return {LATE: load.late_reply(relay.port)}


SCENARIOS = {"bulk": bulk, "short": short, "idle": idle, "late": late}
ONCE = {"idle", "late"}  # steady: one round says it

# figure: peer: the ratio plug / peer that is the goal ("<=" for costs, ">=" for speed)
GOALS = {
    "CPU s/GB": {"socat": "<= 0.1", "haproxy": "<= 0.2", "haproxy-splice": "<= 1.15"},
    "GB/s": {"socat": ">= 4", "haproxy": ">= 3", "haproxy-splice": ">= 0.95"},
    "CPU us/connection": {"socat": "<= 0.1", "haproxy": "<= 0.95", "nginx": "<= 0.95"},
    "bytes/idle connection": {"socat": "<= 0.01", "haproxy": "<= 0.2"},
}
LATE = "bytes of a late reply"


def met(goal, ratio):
    word, bound = goal.split()
    return ratio <= float(bound) if word == "<=" else ratio >= float(bound)


def measure(scenario, names, args):
    """{figure: {name: [value of each round]}}; a relay that fails is said and left out from then on."""
    figures = {}
    for round_ in range(1 if scenario in ONCE else args.rounds):
        for name in (["direct"] if scenario == "bulk" else []) + names:
            try:
                values = SCENARIOS[scenario](name, args)
            except (load.Broken, relays.Failed, OSError) as e:
                print(f"{scenario}: {name}, round {round_ + 1}: {e}", flush=True)
                values = {}
            for figure, value in values.items():
                rows = figures.setdefault(figure, {})
                rows.setdefault(name, [None] * args.rounds)[round_] = value
    return figures


def show(figure, rows):
    """A line for each relay; returns the ratios for the JSON file."""
    print(f"\n{figure:24} {'median':>10}" + ("" if figure == LATE else "   plug / it, by round"))
    ratios = {}
    for name, values in rows.items():
        seen = [v for v in values if v is not None]
        line = f"  {name:22} {statistics.median(seen):10.4g}"
        if figure == LATE:
            line += "   kept" if seen == [len(load.LATE[0])] else "   LOST"
        pairs = [(p, v) for p, v in zip(rows.get("plug", []), values) if p is not None and v is not None]
        pairs = [p / v for p, v in pairs if v]
        if name != "plug" and pairs and figure != LATE:
            ratio = statistics.median(pairs)
            ratios[name] = ratio
            line += f"   {ratio:8.3f} [{min(pairs):.3f}-{max(pairs):.3f}]"
            goal = GOALS.get(figure, {}).get(name)
            if goal:
                line += f"   goal {goal}: {'met' if met(goal, ratio) else 'MISSED'}"
        print(line)
    sys.stdout.flush()
    return ratios


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of bulk and short (default %(default)s)")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="of %(default)s")
    parser.add_argument("--relays", default=",".join(relays.KINDS), help="of %(default)s")
    parser.add_argument("--size", type=int, default=1024, help="MiB of a bulk transfer (default %(default)s)")
    parser.add_argument("--connections", type=int, default=2000, help="short connections (default %(default)s)")
    parser.add_argument("--idle", type=int, default=300, help="idle connections (default %(default)s)")
    parser.add_argument("--nice", type=int, default=0, help="add to the priority, such as -10 (needs root)")
    parser.add_argument("--strict", action="store_true", help="a goal that is missed is exit status 1")
    parser.add_argument("--out", default=str(relays.ROOT / "bench" / "results.json"))
    args = parser.parse_args()
    args.scenarios, args.relays = args.scenarios.split(","), args.relays.split(",")
    for given, known in ((args.scenarios, SCENARIOS), (args.relays, relays.KINDS)):
        for name in given:
            if name not in known:
                parser.error(f"'{name}' is not one of {', '.join(known)}")
    if min(args.rounds, args.size, args.connections, args.idle) < 1:
        parser.error("every amount is at least 1")
    return args


def main():
    args = arguments()
    own_network()
    relays.adopt_orphans()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if args.nice:
        os.nice(args.nice)
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    names = []
    for name in args.relays:
        lack = relays.missing(name)
        if lack:
            print(f"{name}: left out, {lack}")
        else:
            names.append(name)
    if not names:
        sys.exit("nothing to measure")
    results = {"kernel": platform.release(), "cpu": cpu.group(1) if cpu else platform.machine(),
               "cores": os.cpu_count(), "arguments": vars(args), "figures": {},
               "versions": {name: relays.version(name) for name in names}}
    print(f"{results['cpu']}, {results['cores']} cores, Linux {results['kernel']}, load {os.getloadavg()[0]:.1f}, "
          f"{args.rounds} alternating rounds")
    missed = 0
    for scenario in args.scenarios:
        for figure, rows in measure(scenario, names, args).items():
            ratios = show(figure, rows)
            goals = {n: g for n, g in GOALS.get(figure, {}).items() if n in ratios}
            missed += sum(not met(goal, ratios[n]) for n, goal in goals.items())
            results["figures"][figure] = {"values": rows, "plug / it": ratios, "goals": goals}
    pathlib.Path(args.out).write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{missed} goals missed; all figures are in {args.out}")
    sys.exit(1 if args.strict and missed else 0)


if __name__ == "__main__":
    main()
