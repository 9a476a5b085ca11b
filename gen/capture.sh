#!/bin/sh
# Makes testdata/flow/traffic.pcap and traffic.pcapng: real clients and servers in two network namespaces of its own,
# joined by a veth pair, captured by tcpdump on the server's side. Run as root; nothing of the machine's own network
# is touched or captured.
#
#   sh gen/capture.sh [OUTPUT FOLDER]        (testdata/flow)
#
# Needs: iproute2 (ip, tc), tcpdump, python3, curl, node, and for the VLAN tags clang, libbpf's headers and bpftool.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(cd "${1:-$root/testdata/flow}" && pwd)
client=tsbpf-client-$$
server=tsbpf-server-$$
scratch=$(mktemp -d)
started=""
tool="python3 $root/gen/capture/traffic.py"

finish() {
	for pid in $started; do kill "$pid" 2>/dev/null || true; done
	wait
	ip netns del "$client" 2>/dev/null || true
	ip netns del "$server" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

on_client() { ip netns exec "$client" "$@"; }
on_server() { ip netns exec "$server" "$@"; }
# Only commands that replace the shell by the program, so that $! is the program itself.
serve() { ip netns exec "$server" "$@" >"$scratch/server.log" 2>&1 & started="$started $!"; }

# Two hosts with fixed addresses (locally administered MACs), three networks, both IP versions.
ip netns add "$client"
ip netns add "$server"
ip link add c0 netns "$client" address 02:00:00:00:77:01 type veth peer name s0 netns "$server" address 02:00:00:00:77:02
for side in 1 2; do
	if [ $side = 1 ]; then ns=$client dev=c0; else ns=$server dev=s0; fi
	ip -n "$ns" link set lo up
	ip netns exec "$ns" $tool offload "$dev"
	for net in 10 20 30; do ip -n "$ns" address add "10.77.$net.$side/24" dev "$dev"; done
	ip -n "$ns" -6 address add "fd77::$side/64" dev "$dev" nodad
done

# Networks 20 and 30 are tagged: 802.1Q, and 802.1ad with 802.1Q inside.
asm=$(ls -d /usr/include/*-linux-gnu | head -n 1)
clang -O2 -g -target bpf -idirafter "$asm" -c "$root/gen/capture/vlan.bpf.c" -o "$scratch/vlan.o"
mkdir "$scratch/bpffs"
for pair in "$client c0" "$server s0"; do
	set -- $pair
	ip netns exec "$1" tc qdisc add dev "$2" clsact
	for direction in egress:push ingress:pop; do
		# Both programs are in section "tc", so bpftool loads them by name and pins them while tc takes one. The
		# mount is gone with the shell: ip netns exec gives it a mount namespace of its own.
		ip netns exec "$1" sh -eu -c "
			mount -t bpf bpf $scratch/bpffs
			bpftool prog loadall $scratch/vlan.o $scratch/bpffs
			tc filter add dev $2 ${direction%:*} bpf direct-action object-pinned $scratch/bpffs/${direction#*:}
			rm $scratch/bpffs/push $scratch/bpffs/pop"
	done
done

mkdir "$scratch/www"
i=0; while [ $i -lt 400 ]; do echo "<p>Line $i of a page served for a packet capture.</p>"; i=$((i + 1)); done >"$scratch/www/index.html"
head -c 150000 /dev/zero | tr '\0' 'b' >"$scratch/www/image.bin"

# One end up lets tcpdump start; the other, later, is the first moment when a frame can arrive.
ip -n "$server" link set s0 up
# The front of each frame is enough for every header; the original length stays in the packet record.
ip netns exec "$server" tcpdump -i s0 -s 128 -B 16384 -U -Z root -w "$scratch/traffic.pcap" 2>"$scratch/tcpdump.log" &
started="$started $!"
sleep 1
ip -n "$client" link set c0 up
cd "$scratch/www"
serve python3 -m http.server --bind :: 8080
serve $tool dns-server
serve $tool sink 5001
sleep 1

# ARP and neighbour discovery come by themselves with the first packets.
on_client $tool ping 10.77.10.2 10
on_client $tool ping fd77::2 10
on_client $tool ping 10.77.20.2 5
on_client $tool ping 10.77.30.2 5
on_client $tool ping 10.77.10.2 2 4000          # fragments
on_client $tool ping fd77::2 2 4000
for name in www.example.test mail.example.test nowhere.test; do
	for type in A AAAA; do
		on_client $tool dns 10.77.10.2 $name $type
		on_client $tool dns fd77::2 $name $type
		on_client $tool dns 10.77.20.2 $name $type
	done
done
on_client $tool dns fd77::2 example.test TXT
for i in 1 2 3 4; do
	on_client curl -s -o /dev/null http://10.77.10.2:8080/
	on_client curl -s -o /dev/null "http://[fd77::2]:8080/"
	on_client curl -s -o /dev/null http://10.77.20.2:8080/image.bin
	on_client curl -s -o /dev/null http://10.77.10.2:8080/missing
done
on_client curl -s -o /dev/null "http://[fd77::2]:8080/image.bin"
on_client $tool send 10.77.10.2 5001 1500000
on_client $tool send fd77::2 5001 600000
on_client $tool send 10.77.30.2 5001 120000
for i in 1 2 3 4 5 6; do on_client $tool knock 10.77.10.2 23; on_client $tool knock fd77::2 23; done
on_client $tool datagram 10.77.10.2 9 200       # answered by ICMP port unreachable
on_client $tool datagram fd77::2 9 200
on_client $tool datagram 10.77.20.2 9 3000
sleep 1
for pid in $started; do kill "$pid" 2>/dev/null || true; done
wait
started=""
cat "$scratch/tcpdump.log"

cp "$scratch/traffic.pcap" "$out/traffic.pcap"
node "$root/gen/capture/pcapng.mjs" "$out/traffic.pcap" "$out/traffic.pcapng"
ls -l "$out/traffic.pcap" "$out/traffic.pcapng"
