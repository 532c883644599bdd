#!/usr/bin/env bash
# world.sh DIR [CGROUP]
#
# First process of a cluster's world. Prints its process id as the outside knows it, and waits until standard input is
# closed. Bash meanwhile reaps the orphans that a first process inherits, which `sleep` or `cat` would not.
set -eu
dir=$1 cgroup=${2-}
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
