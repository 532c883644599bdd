#!/usr/bin/env bash
# node.sh NAME BOOT_ID_FILE
#
# First process of a node: killing it is a power loss. A node has process ids, a host name, and a boot id of its own,
# so that whatever takes a process of another machine for one of its own is found out. Prints its process id as the
# outside knows it, and waits until standard input is closed.
set -eu
# Before the node's own /proc is there.
read -r pid _ </proc/self/stat

hostname "$1"
mount -t proc proc /proc
mount --bind "$2" /proc/sys/kernel/random/boot_id
echo "$pid"
exec >&-
read -r _ || true
