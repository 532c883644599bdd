#!/usr/bin/env bash
# guard.sh DIR [CGROUP]
#
# Holds the world of one cluster for as long as standard input is open, and then removes it with its folder. The test
# process keeps the other end, so the cluster ends when that process ends, in whatever way.
#
# The world is a PID namespace. When its first process ends, the kernel kills all others in it, and `unshare` returns
# once none is left: nothing needs to be looked for, and nothing that forked in time can get away.
set -u
dir=$1 cgroup=${2-}
here=$(dirname "${BASH_SOURCE[0]}")

unshare --pid --fork --kill-child --mount --uts --propagation slave bash "$here/world.sh" "$dir" "$cgroup"

# Slurm leaves empty control groups; deepest first, as none may be removed before those in it.
[[ -z $cgroup ]] || find "$cgroup" -depth -type d -exec rmdir {} +
rm -rf -- "$dir"
