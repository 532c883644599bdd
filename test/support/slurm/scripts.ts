/** First processes of a cluster, in bash; as text, so that what bundles the harness has them too. */

/** Makes a world, for what the arguments after it say to be its first process. */
const UNSHARE = 'unshare --pid --fork --kill-child --mount --uts --propagation slave';

/**
 * First process of a cluster's world: `DIR CGROUP`. Prints its process id as the outside knows it, and waits until
 * standard input is closed. Bash meanwhile reaps the orphans that a first process inherits, which `cat` would not.
 */
const CLUSTER = String.raw`
set -eu
dir=$1 cgroup=$2
read -r pid _ </proc/self/stat

hostname slurmctl
# All names of the cluster, in every world below this one too.
[[ -e /etc/hosts ]] || : >/etc/hosts
mount --bind "$dir/etc/hosts" /etc/hosts
# The same node names in two clusters would otherwise mean the same control groups.
if [[ -n $cgroup ]]; then
  mkdir "$cgroup"
  mount --bind "$cgroup" "$dir/cgroup/memory"
fi
echo "$pid"
exec >&-
read -r _ || true
`;

/**
 * Holds the world of a cluster for as long as standard input is open, and then removes it with its folder:
 * `SCRIPT DIR CGROUP`. The test process keeps the other end, so the cluster ends when that ends, in whatever way.
 *
 * When the first process of a PID namespace ends, the kernel kills all others in it, and `unshare` returns once none is
 * left: nothing needs to be looked for, and nothing that forked in time can get away.
 */
const GUARD = String.raw`
set -u
dir=$2 cgroup=$3
${UNSHARE} bash --norc -c "$1" cluster "$dir" "$cgroup"
# Slurm leaves empty control groups; those within others first.
[[ -z $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} ';'
rm -rf -- "$dir"
`;

/**
 * First process of a node: `NAME BOOT_ID_FILE`. Killing it is a power loss. A node has process ids, a host name, and a
 * boot id of its own, so that whoever takes a process of another machine for one of its own is found out. Prints its
 * process id as the outside knows it, and waits until standard input is closed.
 */
const NODE = String.raw`
set -eu
# Before the node's own /proc is there.
read -r pid _ </proc/self/stat

hostname "$1"
mount -t proc proc /proc
mount --bind "$2" /proc/sys/kernel/random/boot_id
echo "$pid"
exec >&-
read -r _ || true
`;

// `--norc`: where standard input is a socket, bash reads the user's `.bashrc`, which may take a minute or do anything.

/** With an empty `cgroup`, no control groups are used. */
export const clusterCommand = (dir: string, cgroup: string): string[] => [
  ...['bash', '--norc', '-c', GUARD, 'guard', CLUSTER, dir, cgroup],
];

export const nodeCommand = (name: string, bootIdFile: string): string[] => [
  ...UNSHARE.split(' '),
  ...['bash', '--norc', '-c', NODE, 'node', name, bootIdFile],
];
