"""What containerd, its network and the kubelet of a test node are told, and what is cleared after them."""

import json
from pathlib import Path

from tests.cluster.kubernetes.processes import free_port

PAUSE = "tests/pause:1"
PLUGINS = "/usr/lib/cni"

CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without it each sandbox dies where the kernel does not let a score be lowered.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/network"
"""
# Each kind of control group of version 1 is a tree of its own; version 2 has one.
PREPARE = """
set -e
# They may be there still, of a run that was killed together with its shells.
for address in 10.96.{slot}.1 10.97.{slot}.1; do ip address replace $address/32 dev lo; done
for tree in $(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs -printf '%h\\n'); do
    mkdir -p "$tree/{group}"
    for file in cpuset.mems cpuset.cpus; do
        if [ -e "$tree/$file" ] && [ -s "$tree/$file" ]; then cat "$tree/$file" >"$tree/{group}/$file"; fi
    done
done
"""
CLEANUP = """
groups() {{ find /sys/fs/cgroup -depth '(' -path '*/{group}' -o -path '*/{group}/*' ')' "$@"; }}
for attempt in 1 2 3 4 5; do
    ps -eo pid=,args= |
        awk -v socket='{folder}/containerd.sock' '$2 ~ /containerd-shim/ && index($0, socket) {{print $1}}' |
        xargs -r kill -KILL
    found=$(groups -name cgroup.procs -exec cat {{}} + | sort -u)
    [ -z "$found" ] && break
    kill -KILL $found
    sleep 0.2
done
groups -type d -exec rmdir {{}} +
awk -v folder='{folder}/' 'index($2, folder) == 1 {{print $2}}' /proc/mounts | sort -r | xargs -r umount --lazy
ip link delete {bridge}
for address in 10.96.{slot}.1 10.97.{slot}.1; do ip address delete $address/32 dev lo; done
echo {forwarding} >/proc/sys/net/ipv4/ip_forward
rm -rf --one-file-system '{folder}'/containerd '{folder}'/containerd-state '{folder}'/kubelet
"""


def write(folder: Path, slot: int) -> None:
    """Write the configuration files of the node with number *slot* into *folder*."""
    (folder / "containerd.toml").write_text(CONTAINERD.format(folder=folder, pause=PAUSE, plugins=PLUGINS))
    (folder / "network").mkdir()
    (folder / "network" / "tests.conflist").write_text(json.dumps(_network(folder, slot)))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(folder, slot)))


def prepare(slot: int) -> str:
    """Return the shell code that gives this machine the node's addresses, and the pods' control groups a parent."""
    return PREPARE.format(group=_group(slot), slot=slot)


def cleanup(folder: Path, slot: int) -> str:
    """Return the shell code that ends every container and clears what the node left on this machine."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
    return CLEANUP.format(folder=folder, group=_group(slot), slot=slot, bridge=_bridge(slot), forwarding=forwarding)


def _group(slot: int) -> str:
    return f"reconcile-node-{slot}"


def _bridge(slot: int) -> str:
    return f"reconcile{slot}"


def _network(folder: Path, slot: int) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": f"10.98.{slot}.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(folder / "network-addresses"),
    }
    bridge = {"type": "bridge", "bridge": _bridge(slot), "isGateway": True, "ipMasq": False, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": f"tests-{slot}", "plugins": [bridge]}


def _kubelet(folder: Path, slot: int) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": f"10.97.{slot}.1",
        "port": free_port(),
        "healthzPort": 0,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(folder / "clients.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{folder / 'containerd.sock'}",
        "podLogsDir": str(folder / "pod-logs"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{_group(slot)}",
        "cgroupsPerQOS": True,
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "resolvConf": "",
        # By memory only: what is left of a disk cannot be found out everywhere.
        "evictionHard": {"memory.available": "50Mi"},
        "imageGCHighThresholdPercent": 100,
    }
