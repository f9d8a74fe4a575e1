"""EDSR x2 cut to part of its channels and trained in PyTorch from where published methods start, as a peer to be timed against.

The argument is JSON: method (`slice`: L1 of a student with the teacher's first channels; `csd`: shared weights and the contrastive loss), the teacher's safetensors file
with EDSR-PyTorch's names, VGG19's as `weights.N` and `biases.N`, the folder of training images, the set to measure on, width, batch, LR patch, rate, and the seconds to train.
Prints, as JSON lines, the seconds that went by without measuring, and PSNR on Y.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))
from slim.peer import MEAN, Edsr, tensors  # noqa: E402
from step.peer import Network, Vgg, distance  # noqa: E402

EVERY = 50
VGG_MEAN = torch.tensor((123.68, 116.779, 103.939)).view(1, 3, 1, 1)


def network(layers, features, blocks):
    made = Network({"architecture": "edsr", "features": features, "blocks": blocks, "scale": 2, "resScale": 1.0, "mean": MEAN.flatten().tolist()})
    inner = [layer for block in made.body.blocks for layer in (block.a, block.b)]
    for layer, (weight, bias) in zip([made.head, *inner, made.body.last, made.up[0], made.tail], layers):
        layer.weight.data, layer.bias.data = weight, bias
    return made


def vgg19(path):
    state, made = dict(tensors(path)), Vgg()
    for n, layer in enumerate(layer for stage in made.stages for layer in stage):
        layer.weight.data, layer.bias.data = state[f"weights.{n}"], state[f"biases.{n}"]
    return lambda x: made(x - VGG_MEAN)


def planes(image):
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float()


def luma(x):
    return (x.clamp(0, 255).round() * torch.tensor((65.481, 128.553, 24.966)).view(1, 3, 1, 1) / 255).sum(1) + 16


def pairs(folder):
    for file in sorted(Path(folder, "HR").glob("*.png")):
        yield planes(Image.open(next(Path(folder, "LR_bicubic", "X2").glob(f"{file.stem}*")))), planes(Image.open(file))


def psnr(net, width, measured):
    found = []
    with torch.no_grad():
        for lr, hr in measured:
            made = net(lr, width)
            a, b = (luma(x)[..., 2:-2, 2:-2] for x in (made, hr[..., : made.shape[2], : made.shape[3]]))
            found.append(10 * torch.log10(255**2 / ((a - b) ** 2).mean()))
    return float(torch.stack(found).mean())


def main(c):
    start, away = time.perf_counter(), 0.0
    rng = np.random.default_rng(0)
    teacher, is_csd = Edsr.read(c["teacher"]), c["method"] == "csd"
    blocks = len(teacher.blocks)
    features = teacher.head[0].shape[0]
    net = network(teacher.layers, features, blocks) if is_csd else network(teacher.sliced(c["width"]).layers, int(features * c["width"]), blocks)
    width = c["width"] if is_csd else 1.0
    vgg = vgg19(c["vgg"]) if is_csd else None
    adam = torch.optim.Adam(net.parameters(), lr=c["rate"])
    images = []
    for file in sorted(Path(c["images"]).rglob("*.*")):
        hr = planes(Image.open(file))
        hr = hr[..., : hr.shape[2] // 2 * 2, : hr.shape[3] // 2 * 2]
        if min(hr.shape[2:]) < 2 * c["patch"]:
            continue
        lr = F.interpolate(hr, scale_factor=0.5, mode="bicubic", antialias=True).clamp(0, 255).round()
        images.append((lr.byte(), hr.byte()))
    measured = list(pairs(c["set"]))

    def patch():
        lr, hr = images[rng.integers(len(images))]
        side = c["patch"]
        y, x = (int(rng.integers(n - side + 1)) for n in lr.shape[2:])
        cut = [lr[..., y : y + side, x : x + side], hr[..., 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)]]
        turns, flips = int(rng.integers(4)), rng.integers(2)
        return [torch.rot90(part.flip(3) if flips else part, turns, (2, 3)) for part in cut]

    for step in range(10**9):
        if step % EVERY == 0:
            begun = time.perf_counter()
            seconds = begun - start - away
            print(json.dumps({"seconds": seconds, "step": step, "psnr": psnr(net, width, measured)}), flush=True)
            away += time.perf_counter() - begun
            if seconds >= c["seconds"]:
                return
        lr, hr = (torch.cat(parts).float() for parts in zip(*(patch() for _ in range(c["batch"]))))
        adam.zero_grad()
        student = net(lr, width)
        loss = distance(student, hr)
        if vgg:
            whole = net(lr)
            loss = loss + distance(whole, hr)
            upsampled = F.interpolate(lr[:4], scale_factor=2, mode="bicubic")
            with torch.no_grad():
                positive, negative = vgg(whole[:4]), vgg(upsampled)
            for tap, (s, t, e) in enumerate(zip(vgg(student[:4]), positive, negative)):
                loss = loss + 200 * 2.0 ** (tap - 5 + (tap == 4)) * distance(s, t) / (sum(distance(s, k) for k in e) + 1e-7)
        loss.backward()
        adam.step()


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(json.loads(sys.argv[1]))
