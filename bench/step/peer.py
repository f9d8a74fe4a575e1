"""The same training step in PyTorch, as a peer to be timed against.

A line on standard input asks for one step, the answer is its milliseconds; at the end of input the peak memory in bytes
follows. The argument is a configuration as JSON.
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

STAGES = ((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))


def first(layer, x, filters):
    """A convolution's first filters over as many of its first inputs as x has channels."""
    return F.conv2d(x, layer.weight[:filters, : x.shape[1]], layer.bias[:filters], padding=layer.padding)


def thin(channels, width):
    return int(channels * width)


class Residual(nn.Module):
    def __init__(self, c, scale=1.0, reduction=None):
        super().__init__()
        self.c, self.scale = c, scale
        self.a, self.b = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        if reduction:
            self.down, self.up = nn.Conv2d(c, c // reduction, 1), nn.Conv2d(c // reduction, c, 1)
        self.squeezed = reduction and c // reduction

    def forward(self, x, width):
        k = thin(self.c, width)
        y = first(self.b, F.relu(first(self.a, x, k)), k)
        if self.squeezed:
            gate = F.relu(first(self.down, y.mean((2, 3), keepdim=True), thin(self.squeezed, width)))
            y = y * torch.sigmoid(first(self.up, gate, k))
        return x + self.scale * y


class Chain(nn.Module):
    """Blocks in a row, a convolution, and a skip around all."""

    def __init__(self, c, blocks):
        super().__init__()
        self.c, self.blocks, self.last = c, nn.ModuleList(blocks), nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, width):
        y = x
        for block in self.blocks:
            y = block(y, width)
        return x + first(self.last, y, thin(self.c, width))


class Cascade(nn.Module):
    def __init__(self, c, units):
        super().__init__()
        self.c, self.units = c, nn.ModuleList(units)
        self.fuse = nn.ModuleList(nn.Conv2d(c * (i + 2), c, 1) for i in range(len(units)))

    def forward(self, x, width):
        everything, y = x, x
        for unit, fuse in zip(self.units, self.fuse):
            everything = torch.cat((everything, unit(y, width)), 1)
            y = F.relu(first(fuse, everything, thin(self.c, width)))
        return y


class Network(nn.Module):
    def __init__(self, o):
        super().__init__()
        c, kind = o["features"], o["architecture"]
        self.c, self.steps = c, {2: (2,), 3: (3,), 4: (2, 2)}[o["scale"]]
        self.head, self.tail = nn.Conv2d(3, c, 3, padding=1), nn.Conv2d(c, 3, 3, padding=1)
        self.up = nn.ModuleList(nn.Conv2d(c, c * r * r, 3, padding=1) for r in self.steps)
        self.register_buffer("mean", torch.tensor(o["mean"]).view(1, 3, 1, 1))
        if kind == "edsr":
            self.body = Chain(c, [Residual(c, o["resScale"]) for _ in range(o["blocks"])])
        elif kind == "rcan":
            group = lambda: Chain(c, [Residual(c, 1.0, o["reduction"]) for _ in range(o["blocks"])])
            self.body = Chain(c, [group() for _ in range(o["groups"])])
        else:
            self.body = Cascade(c, [Cascade(c, [Residual(c) for _ in range(3)]) for _ in range(3)])

    def forward(self, x, width=1.0):
        k = thin(self.c, width)
        x = self.body(first(self.head, x - self.mean, k), width)
        for layer, r in zip(self.up, self.steps):
            x = F.pixel_shuffle(first(layer, x, k * r * r), r)
        return first(self.tail, x, 3) + self.mean


class Vgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages, inputs = nn.ModuleList(), 3
        for count, c in STAGES:
            self.stages.append(nn.ModuleList(nn.Conv2d(inputs if i == 0 else c, c, 3, padding=1) for i in range(count)))
            inputs = c
        self.requires_grad_(False)

    def forward(self, x):
        taps = []
        for i, stage in enumerate(self.stages):
            x = F.max_pool2d(x, 2) if i else x
            for j, layer in enumerate(stage):
                x = F.relu(layer(x))
                if j == 0:
                    taps.append(x)
        return taps


def distance(a, b):
    return (a - b).abs().mean()


def main(c):
    torch.set_num_threads(2)
    o, n = c["network"], c["contrasted"]
    net = Network(o)
    own = Network({**o, "features": thin(o["features"], c["width"])}) if c["teacher"] != "shared" else None
    if own:
        net.requires_grad_(False)
    vgg = Vgg() if c["negatives"] else None
    adam = torch.optim.Adam((own or net).parameters(), lr=1e-4)
    lr, hr = (torch.rand(c["batch"], 3, c["patch"] * s, c["patch"] * s) * 255 for s in (1, o["scale"]))
    kept = torch.rand_like(hr) * 255 if c["teacher"] == "kept" else None

    def step():
        adam.zero_grad()
        if own:
            student = own(lr)
            loss = distance(student, hr) + distance(student, net(lr) if kept is None else kept)
        else:
            teacher, student = net(lr), net(lr, c["width"])
            loss = distance(student, hr) + distance(teacher, hr)
        if vgg:
            upsampled = F.interpolate(lr[: c["negatives"]], scale_factor=o["scale"], mode="bicubic")
            with torch.no_grad():
                positive, negative = vgg(teacher[:n]), vgg(upsampled)
            for tap, (s, t, e) in enumerate(zip(vgg(student[:n]), positive, negative)):
                loss = loss + 200 * 2.0 ** (tap - 5 + (tap == 4)) * distance(s, t) / (sum(distance(s, k) for k in e) + 1e-7)
        loss.backward()
        adam.step()
        float(loss)

    step()
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        step()
        print((time.perf_counter() - start) * 1e3, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
