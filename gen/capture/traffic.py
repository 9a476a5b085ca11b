"""The traffic of gen/capture.sh that no standard program makes: real sockets, the kernel's own network stack.

    traffic.py offload IF             switch off segmentation and checksum offloads (what ethtool -K does)
    traffic.py ping ADDRESS COUNT [SIZE]
    traffic.py dns-server             answers A, AAAA and TXT queries on UDP port 53, both families, until killed
    traffic.py dns ADDRESS NAME TYPE  asks it
    traffic.py sink PORT              accepts TCP connections and reads them to their end, until killed
    traffic.py send ADDRESS PORT BYTES
    traffic.py knock ADDRESS PORT     one TCP connection attempt
    traffic.py datagram ADDRESS PORT SIZE
"""
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import time

RECORDS = {
    "www.example.test": {"A": "10.77.10.2", "AAAA": "fd77::2"},
    "mail.example.test": {"A": "10.77.20.2", "AAAA": "fd77::20"},
    "example.test": {"TXT": "a record served for a packet capture"},
}
TYPES = {"A": 1, "TXT": 16, "AAAA": 28}


def offload(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # linux/ethtool.h: STXCSUM, SSG, STSO, SGSO, SGRO; each takes a struct ethtool_value.
        for command in (0x17, 0x19, 0x1F, 0x24, 0x2C):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(control, 0x8946, request)  # SIOCETHTOOL
            except OSError as error:
                print(f"offload {interface} 0x{command:x}: {error}", file=sys.stderr)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(address, count, size=56):
    six = ":" in address
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    with socket.socket(family_of(address), socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(1)
        for sequence in range(1, int(count) + 1):
            body = bytes(i & 0xFF for i in range(int(size)))
            kind = 128 if six else 8
            head = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xFFFF, sequence)
            if not six:  # the kernel fills the checksum in for ICMPv6
                head = struct.pack("!BBHHH", kind, 0, checksum(head + body), os.getpid() & 0xFFFF, sequence)
            sock.sendto(head + body, (address, 0))
            try:
                while True:
                    reply = sock.recv(65535)
                    if reply[0 if six else (reply[0] & 15) * 4] == (129 if six else 0):
                        break
            except TimeoutError:
                print(f"ping {address}: no answer", file=sys.stderr)
            time.sleep(0.02)


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def answer(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    kind, _ = struct.unpack_from("!HH", query, at + 1)
    question = query[12 : at + 5]
    records = RECORDS.get(".".join(labels))
    value = None
    for name, number in TYPES.items():
        if number == kind and records and name in records:
            value = records[name]
            if name == "TXT":
                data = bytes([len(value)]) + value.encode()
            else:
                data = socket.inet_pton(family_of(value), value)
    flags = 0x8580 if records else 0x8583
    head = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if value else 0, 0, 0)
    if not value:
        return head + question
    return head + question + struct.pack("!HHHIH", 0xC00C, kind, 1, 300, len(data)) + data


def dns_server():
    sockets = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, 53))
        sockets.append(sock)
    while True:
        for sock in select.select(sockets, [], [])[0]:
            query, peer = sock.recvfrom(512)
            sock.sendto(answer(query), peer)


def dns(address, name, kind):
    query = struct.pack("!HHHHHH", os.getpid() & 0xFFFF, 0x0100, 1, 0, 0, 0)
    query += name_bytes(name) + struct.pack("!HH", TYPES[kind], 1)
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(query, (address, 53))
        sock.recv(512)


def sink(port):
    with socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                while connection.recv(1 << 16):
                    pass


def send(address, port, count):
    with socket.create_connection((address, int(port)), timeout=10) as sock:
        sock.sendall(bytes(i * 31 & 0xFF for i in range(int(count))))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)


def knock(address, port):
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        sock.connect_ex((address, int(port)))


def datagram(address, port, size):
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x" * int(size), (address, int(port)))


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
