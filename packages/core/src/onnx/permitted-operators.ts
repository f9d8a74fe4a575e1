/** ONNX's standard operators that networks of images are made of. Recurrent layers, boxes, text, sequences and chance are left out. */
const STANDARD = `
  Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip
  Cos Cosh Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
  LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus
  Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor
  AveragePool Conv ConvInteger ConvTranspose DeformConv GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxUnpool
  QLinearConv
  Attention Einsum Gemm MatMul MatMulInteger QLinearMatMul
  BatchNormalization Dropout GroupNormalization Hardmax InstanceNormalization LayerNormalization LogSoftmax LpNormalization LRN
  MeanVarianceNormalization RMSNormalization Softmax
  ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
  ReduceSumSquare TopK
  AffineGrid CenterCropPad Col2Im Compress Concat DepthToSpace Expand EyeLike Flatten Gather GatherElements GatherND GridSample
  NonZero OneHot Pad Reshape Resize ReverseSequence ScatterElements ScatterND Slice SpaceToDepth Split Squeeze Tile Transpose
  Trilu Unsqueeze Upsample
  Constant ConstantOfShape Range Shape Size
  DequantizeLinear DynamicQuantizeLinear QuantizeLinear
  DFT
  If Loop Scan
`;

/** The engine's own, which exporters of its makers write and which check what they are given. */
const OF_ENGINE = ["com.microsoft:FusedMatMul"];

/** Our own, which checkpoints of networks that are trained with quantisation hold; it is written as ONNX's before an engine sees it. */
const OWN = ["slimsr:FakeQuantise"];

/** What files may hold, as "domain:operator"; ONNX's own domain is "". */
export const PERMITTED_OPERATORS: ReadonlySet<string> = new Set([
  ...STANDARD.trim()
    .split(/\s+/)
    .map((name) => `:${name}`),
  ...OF_ENGINE,
  ...OWN,
]);
