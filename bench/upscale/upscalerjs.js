/**
 * UpscalerJS as a peer, in TensorFlow.js' backend for WebAssembly with SIMD (in Node it has one thread; the one that calls
 * TensorFlow's own library is fetched from elsewhere than npm's registry). The argument is the folder that its packages lie in;
 * each line of input is a `Request`, each answer its `Times`. It is bundled, for its modules are made for bundlers.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import model from "@upscalerjs/esrgan-slim/2x";
import Upscaler from "upscaler";

async function main([packages]) {
  setWasmPaths(`${packages}/@tensorflow/tfjs-backend-wasm/dist/`);
  tf.enableProdMode();
  await tf.setBackend("wasm");
  await tf.ready();
  const server = createServer((request, response) => {
    readFile(`${packages}/@upscalerjs/esrgan-slim${request.url}`).then(
      (file) => response.end(file),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const path = `http://127.0.0.1:${server.address().port}/${model._internals.path}`;
  const upscaler = new Upscaler({ model: { ...model, path } });
  await upscaler.ready;

  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const { input, width, height, output } = JSON.parse(line);
    const data = new Uint8Array(await readFile(input));
    const start = performance.now();
    const image = tf.tensor3d(data, [height, width, 3], "int32");
    const result = await upscaler.upscale(image, { output: "tensor" });
    const values = await result.data();
    const pixels = Uint8Array.from(values, (value) => Math.max(0, Math.min(255, Math.round(value))));
    const whole = performance.now() - start;
    tf.dispose([image, result]);
    if (output !== undefined) await writeFile(output, pixels);
    console.log(JSON.stringify({ whole, engine: whole }));
  }
  console.log(process.resourceUsage().maxRSS * 1024);
  server.close();
}

main(process.argv.slice(2));
