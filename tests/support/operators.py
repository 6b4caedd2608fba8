"""One small network for each of MXNet's operators that can be part of a saved network, with what it is given."""

from collections.abc import Callable
from typing import NamedTuple

from tests.support.checkpoints import mxnet

S = mxnet.sym
FLAT = (2, 4)
IMAGE = (1, 3, 8, 8)
SEQUENCE = (2, 3, 4)


class Case(NamedTuple):
    """`build` makes the network of its inputs, which have these shapes and, in the samples, numbers from 0.1 to 0.9."""

    build: Callable
    shapes: tuple[tuple[int, ...], ...]


def one(build: Callable, shape: tuple[int, ...] = FLAT) -> Case:
    return Case(build, (shape,))


def two(build: Callable, first: tuple[int, ...] = FLAT, second: tuple[int, ...] | None = None) -> Case:
    return Case(build, (first, second or first))


def _elementwise(*names: str) -> dict[str, Case]:
    return {name: one(lambda x, name=name: getattr(S, name)(x)) for name in names}


def _pairs(*names: str) -> dict[str, Case]:
    return {name: two(lambda x, y, name=name: getattr(S, name)(x, y)) for name in names}


def _reduced(*names: str) -> dict[str, Case]:
    return {name: one(lambda x, name=name: getattr(S, name)(x, axis=1)) for name in names}


def _contrib(name: str) -> Callable:
    return getattr(S.contrib, name)


OPERATORS: dict[str, Case] = {
    # Layers
    "Activation": one(lambda x: S.Activation(x, act_type="softrelu")),
    "BatchNorm": one(S.BatchNorm, IMAGE),
    "BilinearSampler": two(S.BilinearSampler, IMAGE, (1, 2, 8, 8)),
    "BlockGrad": one(S.BlockGrad),
    "Cast": one(lambda x: S.Cast(x * 3, dtype="int32")),
    "Concat": two(lambda x, y: S.Concat(x, y, dim=1)),
    "Convolution": one(lambda x: S.Convolution(x, kernel=(3, 3), num_filter=2), IMAGE),
    "Crop": one(lambda x: S.Crop(x, h_w=(4, 4), offset=(1, 1), num_args=1), IMAGE),
    "Deconvolution": one(lambda x: S.Deconvolution(x, kernel=(2, 2), stride=(2, 2), num_filter=3), IMAGE),
    "Deconvolution, with bias": one(
        lambda x: S.Deconvolution(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 1), num_filter=2, no_bias=False),
        IMAGE,
    ),
    "Dropout": one(S.Dropout),
    "Embedding": one(lambda x: S.Embedding(x * 4, input_dim=5, output_dim=3)),
    "Flatten": one(S.Flatten, IMAGE),
    "FullyConnected": one(lambda x: S.FullyConnected(x, num_hidden=3), IMAGE),
    "GroupNorm": one(lambda x: S.GroupNorm(x, num_groups=1), IMAGE),
    "InstanceNorm": one(S.InstanceNorm, IMAGE),
    "L2Normalization": one(lambda x: S.L2Normalization(x, mode="channel"), IMAGE),
    "L2Normalization, of instances": one(S.L2Normalization, IMAGE),
    "LRN": one(lambda x: S.LRN(x, nsize=3), IMAGE),
    "LayerNorm": one(S.LayerNorm, SEQUENCE),
    "LeakyReLU": one(lambda x: S.LeakyReLU(x - 0.5)),
    "LeakyReLU, elu": one(lambda x: S.LeakyReLU(x - 0.5, act_type="elu")),
    "LeakyReLU, gelu": one(lambda x: S.LeakyReLU(x - 0.5, act_type="gelu")),
    "LeakyReLU, prelu": one(lambda x: S.LeakyReLU(x - 0.5, act_type="prelu"), IMAGE),
    "LeakyReLU, prelu of a flat input": one(lambda x: S.LeakyReLU(x - 0.5, act_type="prelu")),
    "LeakyReLU, selu": one(lambda x: S.LeakyReLU(x - 0.5, act_type="selu")),
    "LinearRegressionOutput": one(S.LinearRegressionOutput),
    "LogisticRegressionOutput": one(S.LogisticRegressionOutput),
    "MAERegressionOutput": one(S.MAERegressionOutput),
    "MakeLoss": one(S.MakeLoss),
    "Pad": one(lambda x: S.Pad(x, mode="reflect", pad_width=(0, 0, 0, 0, 1, 1, 2, 2)), IMAGE),
    "Pooling": one(lambda x: S.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max"), IMAGE),
    "Pooling, average": one(lambda x: S.Pooling(x, kernel=(3, 3), pad=(1, 1), pool_type="avg"), IMAGE),
    "Pooling, full": one(
        lambda x: S.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full"), IMAGE
    ),
    "Pooling, global": one(lambda x: S.Pooling(x, kernel=(1, 1), global_pool=True, pool_type="avg"), IMAGE),
    "Pooling, sum": one(lambda x: S.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="sum"), IMAGE),
    "RNN, lstm": one(
        lambda x: S.RNN(
            S.transpose(x, axes=(1, 0, 2)),
            S.var("p"),
            S.zeros((1, 2, 5)),
            S.zeros((1, 2, 5)),
            state_size=5,
            num_layers=1,
            mode="lstm",
        ),
        SEQUENCE,
    ),
    "ROIPooling": two(
        lambda x, y: S.ROIPooling(x, S.broadcast_mul(y, S.ones((1, 5))), pooled_size=(2, 2), spatial_scale=1.0),
        IMAGE,
        (1, 5),
    ),
    "Reshape": one(lambda x: S.Reshape(x, shape=(0, 2, -1)), SEQUENCE),
    "SVMOutput": one(S.SVMOutput),
    "SequenceLast": one(S.SequenceLast, SEQUENCE),
    "SequenceMask": one(S.SequenceMask, SEQUENCE),
    "SequenceReverse": one(S.SequenceReverse, SEQUENCE),
    "SliceChannel": one(lambda x: S.SliceChannel(x, num_outputs=2, axis=1)),
    "SoftmaxActivation": one(S.SoftmaxActivation),
    "SoftmaxActivation, channel": one(lambda x: S.SoftmaxActivation(x, mode="channel"), IMAGE),
    "SoftmaxOutput": one(S.SoftmaxOutput),
    "SoftmaxOutput, multi_output": one(lambda x: S.SoftmaxOutput(x, multi_output=True), IMAGE),
    "SwapAxis": one(lambda x: S.SwapAxis(x, dim1=1, dim2=2), SEQUENCE),
    "UpSampling": one(lambda x: S.UpSampling(x, scale=2, sample_type="nearest"), IMAGE),
    # Of contrib
    "_contrib_AdaptiveAvgPooling2D": one(lambda x: _contrib("AdaptiveAvgPooling2D")(x, output_size=1), IMAGE),
    "_contrib_BilinearResize2D": one(lambda x: _contrib("BilinearResize2D")(x, height=16, width=16), IMAGE),
    "_contrib_MultiBoxPrior": one(lambda x: _contrib("MultiBoxPrior")(x, sizes=(0.5,), ratios=(1,)), IMAGE),
    "_contrib_ROIAlign": two(
        lambda x, y: _contrib("ROIAlign")(x, y * 0, pooled_size=(2, 2), spatial_scale=1.0), IMAGE, (1, 5)
    ),
    "_contrib_arange_like": one(lambda x: _contrib("arange_like")(x, axis=1)),
    "_contrib_box_nms": one(_contrib("box_nms"), (1, 4, 6)),
    "_contrib_div_sqrt_dim": one(_contrib("div_sqrt_dim")),
    "_contrib_interleaved_matmul_selfatt_qk": one(
        lambda x: _contrib("interleaved_matmul_selfatt_qk")(x, heads=2), (3, 2, 12)
    ),
    # Arithmetic
    "_div_scalar": one(lambda x: x / 3),
    "_equal_scalar": one(lambda x: x == 0.5),
    "_greater_scalar": one(lambda x: x > 0.5),
    "_greater_equal_scalar": one(lambda x: x >= 0.5),
    "_lesser_scalar": one(lambda x: x < 0.5),
    "_lesser_equal_scalar": one(lambda x: x <= 0.5),
    "_maximum": two(S.maximum),
    "_maximum_scalar": one(lambda x: S.maximum(x, 0.5)),
    "_minimum": two(S.minimum),
    "_minimum_scalar": one(lambda x: S.minimum(x, 0.5)),
    "_minus_scalar": one(lambda x: x - 2),
    "_mod_scalar": one(lambda x: (x * 7) % 2),
    "_mul_scalar": one(lambda x: x * 3),
    "_not_equal_scalar": one(lambda x: x != 0.5),
    "_plus_scalar": one(lambda x: x + 3),
    "_power": two(S.pow),
    "_power_scalar": one(lambda x: x**3),
    "_rdiv_scalar": one(lambda x: 3 / x),
    "_rminus_scalar": one(lambda x: 3 - x),
    "_rpower_scalar": one(lambda x: S.pow(3, x)),
    **_elementwise(
        "abs",
        "arccos",
        "arccosh",
        "arcsin",
        "arcsinh",
        "arctan",
        "arctanh",
        "cbrt",
        "ceil",
        "cos",
        "cosh",
        "degrees",
        "erf",
        "exp",
        "expm1",
        "fix",
        "floor",
        "gamma",
        "gammaln",
        "hard_sigmoid",
        "identity",
        "log",
        "log10",
        "log1p",
        "log2",
        "logical_not",
        "negative",
        "radians",
        "rcbrt",
        "reciprocal",
        "relu",
        "rint",
        "round",
        "rsqrt",
        "sigmoid",
        "sign",
        "sin",
        "sinh",
        "softsign",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
    ),
    **_pairs(
        "add_n",
        "broadcast_add",
        "broadcast_div",
        "broadcast_equal",
        "broadcast_greater",
        "broadcast_greater_equal",
        "broadcast_hypot",
        "broadcast_lesser",
        "broadcast_lesser_equal",
        "broadcast_logical_and",
        "broadcast_logical_or",
        "broadcast_logical_xor",
        "broadcast_maximum",
        "broadcast_minimum",
        "broadcast_mod",
        "broadcast_mul",
        "broadcast_not_equal",
        "broadcast_power",
        "broadcast_sub",
        "elemwise_add",
        "elemwise_div",
        "elemwise_mul",
        "elemwise_sub",
        "stack",
    ),
    # Reductions, and what looks things up
    **_reduced("argmax", "argmin", "max", "mean", "min", "nansum", "norm", "prod", "sum"),
    "argsort": one(S.argsort),
    "batch_dot": two(S.batch_dot, SEQUENCE, (2, 4, 3)),
    "batch_take": two(lambda x, y: S.batch_take(x, S.sum(y * 0, axis=1)), FLAT),
    "broadcast_axis": one(lambda x: S.broadcast_axis(x, axis=1, size=3), (2, 1, 4)),
    "broadcast_like": two(S.broadcast_like, (2, 1, 4), SEQUENCE),
    "broadcast_to": one(lambda x: S.broadcast_to(x, shape=(2, 3, 4)), (2, 1, 4)),
    "clip": one(lambda x: S.clip(x, 0.3, 0.6)),
    "depth_to_space": one(lambda x: S.depth_to_space(x, 2), (1, 4, 2, 2)),
    "diag": one(lambda x: S.diag(x, axis1=1, axis2=2), (2, 3, 3)),
    "dot": two(lambda x, y: S.dot(x, y, transpose_b=True), FLAT),
    "expand_dims": one(lambda x: S.expand_dims(x, axis=1)),
    "gather_nd": two(lambda x, y: S.gather_nd(x, S.transpose(y * 0)), FLAT, (2, 2)),
    "log_softmax": one(S.log_softmax),
    "one_hot": one(lambda x: S.one_hot(x * 4, depth=5)),
    "ones_like": one(lambda x: x + S.ones_like(x)),
    "pick": two(lambda x, y: S.pick(x, S.sum(y * 0, axis=1)), FLAT),
    "repeat": one(lambda x: S.repeat(x, repeats=2, axis=1)),
    "reshape_like": two(S.reshape_like, (2, 6), (2, 3, 2)),
    "reverse": one(lambda x: S.reverse(x, axis=1)),
    "shape_array": one(S.shape_array),
    "size_array": one(S.size_array),
    "slice": one(lambda x: S.slice(x, begin=(None, 1), end=(None, 3))),
    "slice_axis": one(lambda x: S.slice_axis(x, axis=1, begin=1, end=None)),
    "slice_like": two(lambda x, y: S.slice_like(x, y, axes=(1,)), FLAT, (2, 2)),
    "smooth_l1": one(S.smooth_l1),
    "softmax": one(S.softmax),
    "softmax, with temperature": one(lambda x: S.softmax(x, temperature=2.0)),
    "softmin": one(S.softmin),
    "sort": one(S.sort),
    "space_to_depth": one(lambda x: S.space_to_depth(x, 2), (1, 2, 4, 4)),
    "squeeze": one(lambda x: S.squeeze(x, axis=1), (2, 1, 4)),
    "take": one(lambda x: S.take(S.var("table"), x * 4, mode="clip"), FLAT),
    "tile": one(lambda x: S.tile(x, reps=(1, 2))),
    "topk": one(lambda x: S.topk(x, k=2, ret_typ="value")),
    "topk, indices": one(lambda x: S.topk(x, k=2)),
    "transpose": one(lambda x: S.transpose(x, axes=(0, 2, 1)), SEQUENCE),
    "where": two(lambda x, y: S.where(x > 0.5, x, y)),
    "zeros_like": one(lambda x: x + S.zeros_like(x)),
    "_linalg_gemm2": two(S.linalg.gemm2, SEQUENCE, (2, 4, 3)),
    "_copy": one(lambda x: S.identity(x) + 0),
    "khatri_rao": two(S.khatri_rao),
}
