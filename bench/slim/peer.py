"""Slimming of EDSR x2 without training in PyTorch, as a peer to be timed against: principal components, slicing, refit.

The argument is JSON: the teacher's safetensors file with EDSR-PyTorch's names, the folder of images, the number of patches, their
side, the width. A line on standard input asks for one student, from reading the images to its last convolution; the answer is the
milliseconds it took; the line "blas" for the library of matrix products. At the end of input the peak memory in bytes follows.
"""

import json
import os
import resource
import struct
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

MEAN = 255 * torch.tensor((0.4488, 0.4371, 0.4040)).view(1, 3, 1, 1)


def tensors(path):
    raw = Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", raw[:8])[0]
    for name, about in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            begin, end = (start + offset for offset in about["data_offsets"])
            yield name, torch.from_numpy(np.frombuffer(raw[begin:end], "<f4").reshape(about["shape"]).copy())


class Edsr:
    """Layers as [weight, bias]: head, pairs of a block, the convolution after them, upsampler, tail."""

    def __init__(self, layers):
        self.head, *inner, self.last, self.up, self.tail = layers
        self.blocks = list(zip(inner[::2], inner[1::2]))

    @property
    def layers(self):
        return [self.head, *(layer for block in self.blocks for layer in block), self.last, self.up, self.tail]

    @classmethod
    def read(cls, path):
        state = {name: tensor for name, tensor in tensors(path) if "mean" not in name}
        count = max(int(name.split(".")[1]) for name in state if name.startswith("body"))
        blocks = [f"body.{b}.body.{i}" for b in range(count) for i in (0, 2)]
        names = ["head.0", *blocks, f"body.{count}", "tail.0.0", "tail.1"]
        return cls([[state[f"{name}.weight"], state[f"{name}.bias"]] for name in names])

    def sliced(self, width):
        def part(weight, bias):
            o, i = (n if n == 3 else int(n * width) for n in weight.shape[:2])
            return [weight[:o, :i].clone(), bias[:o].clone()]

        return Edsr([part(*layer) for layer in self.layers])


def apply(layer, x):
    return F.conv2d(x, *layer, padding=1)


def activations(net, lr):
    stream, inner = [apply(net.head, lr - MEAN)], []
    for first, second in net.blocks:
        inner.append(F.relu(apply(first, stream[-1])))
        stream.append(stream[-1] + apply(second, inner[-1]))
    stream.append(stream[0] + apply(net.last, stream[-1]))
    up = F.pixel_shuffle(apply(net.up, stream[-1]), 2)
    return stream, inner, up, apply(net.tail, up)


def patches(folder, count, side, rng):
    files, found = sorted(Path(folder).rglob("*.*")), []
    while len(found) < count:
        image = torch.from_numpy(np.array(Image.open(files[rng.integers(len(files))]).convert("RGB")))
        height, width = (n // 2 for n in image.shape[:2])
        if min(height, width) < side:
            continue
        hr = image[: 2 * height, : 2 * width].permute(2, 0, 1)[None].float()
        lr = F.interpolate(hr, scale_factor=0.5, mode="bicubic", antialias=True).clamp(0, 255).round()
        y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
        found.append(lr[..., y : y + side, x : x + side])
    return torch.cat(found)


def blas():
    """The library that products of matrices go to, of those that are mapped into this process."""
    files = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
    return ", ".join(sorted(os.path.realpath(file) for file in files if "blas" in os.path.basename(file))) or "none of its own"


def principal(values):
    second = 0
    for x in values:
        columns = x.transpose(0, 1).flatten(1).double()
        second = second + columns @ columns.T / columns.square().sum()
    return torch.linalg.eigh(second)[1].flip(1).float()


def written(layer, q, copies=1):
    """What writes channels, in the basis q; pixel shuffle makes a channel of `copies` adjacent ones."""
    for i, tensor in enumerate(layer):
        layer[i] = torch.einsum("cj,cp...->jp...", q, tensor.unflatten(0, (-1, copies))).flatten(0, 1)


def read(layer, q):
    layer[0] = torch.einsum("ochw,cj->ojhw", layer[0], q)


def align(net, lr):
    stream, inner, up, _ = activations(net, lr)
    q, u = principal(stream), principal([up])
    written(net.head, q)
    for (first, second), x in zip(net.blocks, inner):
        effect = x.mean((0, 2, 3)) * second[0].square().sum((0, 2, 3)).sqrt()
        order = torch.eye(len(effect))[:, effect.argsort(descending=True)]
        read(first, q), written(first, order), read(second, order), written(second, q)
    read(net.last, q), written(net.last, q), read(net.up, q)
    written(net.up, u, 4), read(net.tail, u)


def solve(layer, x, target, ridge=1e-4):
    """Sets a layer to the ridge solution that maps x to the target."""
    rows = F.unfold(x, 3, padding=1).transpose(1, 2).flatten(0, 1)
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1).double()
    gram = rows.T @ rows
    gram.diagonal().add_(ridge * gram.diagonal().mean())
    cross = rows.T @ target.permute(0, 2, 3, 1).flatten(0, 2).double()
    solution = torch.cholesky_solve(cross, torch.linalg.cholesky(gram)).T.float()
    layer[:] = [solution[:, :-1].reshape(layer[0].shape).contiguous(), solution[:, -1].contiguous()]


def refit(small, net, lr):
    stream, _, _, sr = activations(net, lr)
    k = len(small.head[1])
    x = entry = apply(small.head, lr - MEAN)
    for (first, second), whole, now, then in zip(small.blocks, net.blocks, stream, stream[1:]):
        solve(first, x, apply(whole[0], now)[:, :k])
        inner = F.relu(apply(first, x))
        solve(second, inner, then[:, :k] - x)
        x = x + apply(second, inner)
    solve(small.last, x, stream[-1][:, :k] - entry)
    x = entry + apply(small.last, x)
    solve(small.up, x, apply(net.up, stream[-1])[:, : 4 * k])
    solve(small.tail, F.pixel_shuffle(apply(small.up, x), 2), sr)


def main(teacher, images, count, side, width):
    torch.set_num_threads(os.cpu_count())
    rng = np.random.default_rng(0)
    with torch.no_grad():
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "blas":
                print(blas(), flush=True)
                continue
            start = time.perf_counter()
            lr, net = patches(images, count, side, rng), Edsr.read(teacher)
            align(net, lr)
            refit(net.sliced(width), net, lr)
            print((time.perf_counter() - start) * 1e3, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
