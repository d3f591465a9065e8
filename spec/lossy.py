#!/usr/bin/env python3
"""lossy.py - A network that delays and loses packets, for two programs.

    unshare -Urn python3 lossy.py DELAY LOSS SEED SERVER CLIENT

Each of the two (shell lines) runs in a network namespace of its own, the server
with the address 10.9.0.1, the client with 10.9.0.2. Between them is a third
namespace, this one, which passes frames on after DELAY seconds and up to as
much again, so that some overtake others, and drops one of them with probability
LOSS. It needs neither netem nor privileges outside of its namespaces. Ends with
the client, and with its code.
"""
import heapq
import random
import select
import socket
import subprocess
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, OUTGOING = 263, 15, 4
ALL = 3  # ETH_P_ALL


def ip(line):
    subprocess.run(["ip"] + line.split(), check=True)


class End:
    """A program in a namespace of its own, and the link that leads there."""

    def __init__(self, number, line):
        up = ("echo; read go; ip link set lo up; ip addr add 10.9.0.%d/24 dev e;"
              " ip link set e gso_max_segs 1; ip link set e up;"
              " exec %s" % (number, line))
        self.program = subprocess.Popen(["unshare", "-n", "sh", "-c", up],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.program.stdout.readline()  # it is in its namespace
        self.link = "r%d" % number
        ip("link add %s type veth peer name e netns %d" % (self.link, self.program.pid))
        ip("link set %s up" % self.link)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        # sums and segments that the sender left to its card stay so
        self.socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.socket.bind((self.link, ALL))

    def go(self):
        self.program.stdin.write(b"\n")
        self.program.stdin.flush()


class Network:
    def __init__(self, ends, delay, loss, seed):
        self.ends, self.delay, self.loss = ends, delay, loss
        self.chance = random.Random(seed)
        self.late, self.count = [], 0
        self.passed = self.lost = 0

    def take(self, end, other):
        try:
            frame, where = end.socket.recvfrom(1 << 17)
        except OSError:  # its program has gone, and the link with it
            return
        if where[2] == OUTGOING:
            return
        if self.chance.random() < self.loss:
            self.lost += 1
            return
        self.count += 1
        due = time.monotonic() + self.delay * (1 + self.chance.random())
        heapq.heappush(self.late, (due, self.count, other, frame))

    def give(self):
        while self.late and self.late[0][0] <= time.monotonic():
            _, _, end, frame = heapq.heappop(self.late)
            self.passed += 1
            try:
                end.socket.send(frame)
            except OSError:  # its program has gone
                pass

    def run(self, program):
        one, two = self.ends
        while program.poll() is None:
            left = self.late[0][0] - time.monotonic() if self.late else 0.05
            ready, _, _ = select.select([one.socket, two.socket], [], [], max(left, 0))
            for s in ready:
                self.take(*((one, two) if s is one.socket else (two, one)))
            self.give()


def main():
    delay, loss, seed = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    server, client = End(1, sys.argv[4]), End(2, sys.argv[5])
    network = Network((server, client), delay, loss, seed)
    server.go()
    client.go()
    try:
        network.run(client.program)
    finally:
        for end in (server, client):
            end.program.kill()
            end.program.wait()
    sys.stdout.write(client.program.stdout.read().decode())
    print("%d packets, %d lost" % (network.passed, network.lost))
    sys.exit(client.program.returncode)


main()
