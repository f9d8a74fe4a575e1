"""Forward passes in PyTorch over images of given sizes, as a peer to be timed against.

The argument is JSON: the network's options and the images' heights and widths. A line on standard input asks for one pass over
all images, the answer is its milliseconds; at the end of input the peak memory in bytes follows. As many threads run as were
fastest at first.
"""

import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "step"))
from peer import Network


def main(network, sizes):
    net = Network(network).eval()
    images = [torch.rand(1, 3, height, width) * 255 for height, width in sizes]

    def seconds():
        start = time.perf_counter()
        for image in images:
            net(image)
        return time.perf_counter() - start

    def seconds_with(threads):
        torch.set_num_threads(threads)
        return min(seconds() for _ in range(4))

    with torch.inference_mode():
        torch.set_num_threads(min(range(1, os.cpu_count() + 1), key=seconds_with))
        print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads", file=sys.stderr)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(seconds() * 1e3, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
