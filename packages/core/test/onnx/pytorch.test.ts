import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { describeWith, PYTORCH } from "../../../../test/support/requirement.js";
import { readOnnx } from "../../src/onnx/index.js";

/** Exports a network to the first argument, with its batch and height open, and prints an image and what becomes of it. */
const EXPORT = `
import json, sys, torch
import torch.nn as nn
import torch.nn.functional as F

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.slope = nn.PReLU(8)
        self.down = nn.Conv2d(8, 12, 3, stride=2, padding=(1, 0), dilation=1, groups=4)
        self.up = nn.ConvTranspose2d(12, 8, 3, stride=2, padding=(1, 0), output_padding=(1, 0))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1), nn.Sigmoid())
        self.tail = nn.Conv2d(16, 12, 1)

    def forward(self, x):
        x = (x - 114.0) / 255
        y = self.slope(self.head(x))
        z = self.up(F.leaky_relu(self.down(y), 0.1))
        z = z * self.gate(z)
        pooled = F.max_pool2d(y, 3, stride=1, padding=1)
        y = torch.cat([z[:, 2:6], torch.tanh(y[:, ::2]), pooled.clamp(-0.5, 0.5)], 1)
        return F.pixel_shuffle(self.tail(y), 2) * 255

torch.manual_seed(3)
model = Network().eval()
x = torch.rand(2, 3, 6, 9) * 255
torch.onnx.export(model, x[:1], sys.argv[1], opset_version=int(sys.argv[2]), input_names=["image"], output_names=["result"],
                  dynamic_axes={"image": {0: "batch"}, "result": {0: "batch"}})
with torch.no_grad():
    y = model(x)
print(json.dumps({"x": x.flatten().tolist(), "y": y.flatten().tolist(), "shape": list(y.shape)}))
`;

describeWith(PYTORCH, "a network that PyTorch has exported", (python) => {
  const folder = mkdtempSync(join(tmpdir(), "slimsr-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([13, 17])(
    "computes the same, opset %i",
    async (opset) => {
      const path = join(folder, `${opset}.onnx`);
      const printed = execFileSync(python, ["-c", EXPORT, path, String(opset)], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const expected = JSON.parse(printed.trim().split("\n").at(-1) ?? "") as {
        x: number[];
        y: number[];
        shape: number[];
      };
      const { graph } = readOnnx(readFileSync(path), { sizes: { batch: 2 } });
      expect(graph.outputs.get("result")?.shape).toEqual(expected.shape);
      const result = floats(await evaluate(graph, { image: tensor([2, 3, 6, 9], expected.x) }), "result");
      const largest = Math.max(...expected.y.map((y, i) => Math.abs(y - (result[i] as number))));
      expect(Math.max(...expected.y)).toBeGreaterThan(1);
      expect(largest).toBeLessThan(1e-3);
    },
    180_000,
  );
});
