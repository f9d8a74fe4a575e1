"""Hands frames from one device to another and back after a time, where the kernel has no netem. Arguments: both devices, milliseconds."""
import collections
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING, ETH_P_ALL = 263, 15, 4, 3


def device(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    # With what the sender left to its card: checksums and cutting.
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**24)
    end.bind((name, 0))
    return end


ends = [device(name) for name in sys.argv[1:3]]
delay = float(sys.argv[3]) / 1000
waiting = collections.deque()
print("ready", flush=True)
while True:
    wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    for end in select.select(ends, [], [], wait)[0]:
        frame, (_, _, kind, *_) = end.recvfrom(2**17)
        if kind != PACKET_OUTGOING:
            waiting.append((time.monotonic() + delay, ends[1 - ends.index(end)], frame))
    while waiting and waiting[0][0] <= time.monotonic():
        _, other, frame = waiting.popleft()
        try:
            other.send(frame)
        except OSError:
            pass  # A link that is down loses frames.
