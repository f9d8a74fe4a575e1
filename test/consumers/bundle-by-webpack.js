import webpack from "webpack";

/** Bundles page.js into the folder `webpack`. Without making it small, which takes many times as long and concerns webpack alone. */
const compiler = webpack({
  ...{ mode: "production", devtool: false, optimization: { minimize: false } },
  ...{ context: import.meta.dirname, entry: "./page.js" },
  output: { path: `${import.meta.dirname}/webpack`, filename: "page.js" },
});
compiler.run((error, stats) => {
  const failure = error ?? stats.compilation.errors[0];
  if (failure) throw failure;
  compiler.close(() => undefined);
});
