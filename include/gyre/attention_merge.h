// SPDX-License-Identifier: MIT
// Merging attention over disjoint ranges of keys into attention over all of them.
// Threads: as for the stream given.
//
// A part is what gyre_attention made of some of the keys, (out, lse); the ranges may be of any
// number and length, and may have been computed anywhere. With M the largest LSE of a row (softmax
// of a concatenation: arXiv 2205.14135, section 3.1):
//
//   out = sum_i exp(lse_i - M) out_i / (exp(sink - M) + sum_i exp(lse_i - M))
//   lse = M + log(sum_i exp(lse_i - M))
//
// A part whose LSE is -inf saw nothing in that row, and its out is ignored there, even if NaN. A
// row that no part saw gives zeros and -inf. No exponential overflows: a huge sink gives 0. NaN and
// +inf in an LSE give NaN.
//
// Keys [first, end) of a longer sequence are a call of gyre_attention with k, v, k_positions and
// mask as views of them (a mask of bits where `first` is a multiple of 8); kv_lens less `first` but
// not below 0; and no sinks, which are the merge's: a sink in every part would count as often.
// GYRE_ALIGN_END would speak of the range's last key: say where the first query stands instead.
// Without k_positions the range's keys stand at 0, 1, ...: then q_start is less `first`, and so are
// window_keep and n_prefix, but not below 0. Where only one of q and k is rotated its angles want
// true positions: give k_positions first, first + 1, ... and leave those three as they are.
//
// Precision: f32, nothing being rounded in between. The result is as exact as its parts: those of
// f16 or bf16 have been rounded once already, those of f32 give what one call would have given,
// within the bounds of gyre_attention.
#ifndef GYRE_ATTENTION_MERGE_H
#define GYRE_ATTENTION_MERGE_H

#include <gyre/device.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

// One range of keys, as gyre_attention writes it: read, and owned by the caller.
struct gyre_attention_part {
    // (batch, q_len, n_heads, v_dim), f32, f16 or bf16, alike in all parts. May be absent where no
    // `out` is asked for.
    struct gyre_tensor out;
    struct gyre_tensor lse; // (batch, n_heads, q_len, 1) f32, natural, without the sink
};

struct gyre_attention_merge_params {
    const struct gyre_attention_part *parts; // (n_parts); needed only during the call
    uint32_t n_parts;                        // at least 1: a merge of nothing has no shape
    // f32 (1, 1, 1, n_heads): a logit per head that takes part in the softmax's sum and in nothing
    // else. Absent: none.
    struct gyre_tensor sinks;
    // Results, at least one there. Each may be exactly the tensor of one part (the same view and
    // dtype: in place), and overlaps nothing otherwise.
    struct gyre_tensor out; // (batch, q_len, n_heads, v_dim), f32, f16 or bf16
    struct gyre_tensor lse; // (batch, n_heads, q_len, 1) f32
};

// Enqueues the merge. The first call of a kind compiles and tries its kernel, and more than two
// parts may grow the stream's scratch: both block. INVALID: the log names the condition;
// UNSUPPORTED: this device cannot; COMPILE, NO_MEMORY, DEVICE, DEVICE_LOST. Overlap is told from
// shapes and strides, and views that interleave in unusual ways may be refused.
GYRE_API enum gyre_status gyre_attention_merge(struct gyre_stream *stream,
                                               const struct gyre_attention_merge_params *params);

// OK exactly when gyre_attention_merge would accept these params on this device; the kernel has
// then been compiled. Tensors need no buffer yet.
GYRE_API enum gyre_status
gyre_attention_merge_supported(struct gyre_device *device,
                               const struct gyre_attention_merge_params *params);

// Writes which kernel, how many dispatches and how much scratch gyre_attention_merge takes for
// these params, and why: text of several lines, cut to `size` bytes with the terminating zero.
GYRE_API enum gyre_status
gyre_attention_merge_explain(struct gyre_device *device,
                             const struct gyre_attention_merge_params *params, char *text,
                             size_t size);

#ifdef __cplusplus
}
#endif

#endif
