"""The same network in PyTorch, as a peer to be timed against.

The arguments are a file of several widths (safetensors) and one of raw RGB to find the fastest number of threads with, its width
and its height. A line on standard input asks for an image, as `Request` in contenders.ts has it; the answer is its times. At the
end of input the peak memory in bytes follows.
"""

import json
import os
import re
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "step"))
from peer import Network

NAMES = (
    (r"^body\.(\d+)\.conv1", r"body.blocks.\1.a"),
    (r"^body\.(\d+)\.conv2", r"body.blocks.\1.b"),
    (r"^body_conv", "body.last"),
    (r"^upsampler\.blocks\.(\d+)", r"up.\1"),
)


def load(path):
    """The network with a file's weights."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    network = Network(json.loads(header.pop("__metadata__")["slimsr"])["network"]).eval()
    state = {"mean": network.mean}
    for name, entry in header.items():
        for pattern, own in NAMES:
            name = re.sub(pattern, own, name)
        start, end = entry["data_offsets"]
        state[name] = torch.frombuffer(bytearray(data[start:end]), dtype=torch.float32).view(entry["shape"])
    network.load_state_dict(state)
    return network


def upscale(network, input, width, height, output=None, quality=1):
    with open(input, "rb") as file:
        pixels = bytearray(file.read())
    start = time.perf_counter()
    image = torch.frombuffer(pixels, dtype=torch.uint8).view(1, height, width, 3).permute(0, 3, 1, 2).float()
    began = time.perf_counter()
    result = network(image.contiguous(), quality)
    ended = time.perf_counter()
    result = (result.clamp(0, 255) + 0.5).byte()[0].permute(1, 2, 0).contiguous()
    whole = time.perf_counter() - start
    if output:
        with open(output, "wb") as file:
            file.write(result.numpy().tobytes())
    return {"whole": whole * 1e3, "engine": (ended - began) * 1e3}


def main(path, sample, width, height):
    network = load(path)

    def seconds_with(threads):
        torch.set_num_threads(threads)
        return min(upscale(network, sample, int(width), int(height))["whole"] for _ in range(4))

    with torch.inference_mode():
        torch.set_num_threads(min(range(1, os.cpu_count() + 1), key=seconds_with))
        print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads", file=sys.stderr)
        print("ready", flush=True)
        for line in sys.stdin:
            print(json.dumps(upscale(network, **json.loads(line))), flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
