// SPDX-License-Identifier: MIT
// Scaled dot-product attention, fused: the score matrix is never stored unless asked for.
// Threads: as for the stream given.
//
// Query row i stands at position q_pos = q_start + i, key j at position j. In this order (ONNX
// Attention, opset 25; softmax in f32 with the row maximum subtracted, arXiv 2205.14135):
//
//   raw      s = scale * q.k                        scale 0 means 1/sqrt(head_dim)
//   capped   s = c tanh(s / c)                      when softcap c > 0
//   masked   s = s + mask - slope |q_pos - j|       and -inf where not allowed
//   allowed  j < kv_len
//            and (not causal, or j <= q_pos, or j < n_prefix)
//            and (no window, or inside it, or j < window_keep)
//            and the mask (bytes: not 0; additive: not -inf)
//   probs    p = exp(s) / (exp(sink) + sum_j exp(s))    without sinks the softmax of s
//   out      o = sum_j p v                          a row with nothing allowed gives zeros
//   lse      log(sum_j exp(s))                      natural, over allowed keys, without the sink;
//                                                   -inf for such a row
//
// NaN and infinities in keys and values that are not allowed do not leak. Blocks that these rules
// hide wholly are not computed.
//
// Precision: f32 accumulation and softmax. Against exact arithmetic on the stored inputs, relative
// RMS error and largest error over max |v|: f32 2e-6 and 1e-5, f16 3e-4 and 1e-3, bf16 2.5e-3 and
// 8e-3.
#ifndef GYRE_ATTENTION_H
#define GYRE_ATTENTION_H

#include <gyre/device.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

// Where query row 0 stands when q_start is not said.
enum gyre_align {
    GYRE_ALIGN_START = 0, // at q_start
    GYRE_ALIGN_END,       // so that the last query stands at the last key, plus q_start
};

// Which form of the scores to write; ONNX's qk_matmul_output_mode 0 to 3.
enum gyre_scores_stage {
    GYRE_SCORES_RAW = 0,
    GYRE_SCORES_CAPPED,
    GYRE_SCORES_MASKED,
    GYRE_SCORES_PROBS,
};

struct gyre_attention_params {
    struct gyre_tensor q; // (batch, q_len, n_heads, head_dim)
    struct gyre_tensor k; // (batch, kv_len, n_kv_heads, head_dim); n_kv_heads divides n_heads
    struct gyre_tensor v; // (batch, kv_len, n_kv_heads, v_dim)
    // (batch, n_heads, q_len, kv_len): additive f32, f16, bf16, or u8. Axes of length 1 or stride 0
    // broadcast over batch, head and query. Absent: none.
    struct gyre_tensor mask;
    // Results, each optional but at least one there. They overlap neither inputs nor each other.
    struct gyre_tensor out;    // (batch, q_len, n_heads, v_dim)
    struct gyre_tensor lse;    // (batch, n_heads, q_len, 1) f32
    struct gyre_tensor scores; // (batch, n_heads, q_len, kv_len), every element written
    enum gyre_scores_stage scores_stage;
    float scale;   // 0: 1/sqrt(head_dim)
    float softcap; // 0: none
    bool is_causal;
    enum gyre_align align;
    int32_t q_start;      // may be negative; positions stay within 2^30 either way
    uint32_t window_left; // q_pos - j < window_left; counts the query's own position; 0: unlimited;
                          // at most 2^30
    uint32_t window_right; // j - q_pos < window_right; likewise
    uint32_t window_keep;  // the first keys that no window hides
    uint32_t n_prefix;     // the first keys that causal does not hide

    // Optional, on the device. Sequences of different lengths: i32 (1, 1, 1, batch). kv_lens are
    // the keys that each has, of the tensor's (beyond them, as many; below 0, none); q_starts are
    // added to q_start. GYRE_ALIGN_END then speaks of each sequence's own last key. Positions are
    // kept within 2^30.
    struct gyre_tensor kv_lens, q_starts;
    // f32 (1, 1, 1, n_heads). ALiBi's slopes (gyre_alibi_slopes), and sinks: a logit per head that
    // takes part in the softmax's sum and in nothing else.
    struct gyre_tensor alibi_slopes, sinks;
};

// Enqueues the attention. q, k, v and out are each f32, f16 or bf16, and may differ. The first call
// of a kind compiles and tries its kernels, and a larger problem than before may grow the stream's
// scratch: both block. INVALID: the log names the condition; UNSUPPORTED: this device cannot;
// COMPILE, NO_MEMORY, DEVICE, DEVICE_LOST. Overlap is told from shapes and strides, and views that
// interleave in unusual ways may be refused.
GYRE_API enum gyre_status gyre_attention(struct gyre_stream *stream,
                                         const struct gyre_attention_params *params);

// OK exactly when gyre_attention would accept these params on this device; the kernels have then
// been compiled. Tensors need no buffer yet.
GYRE_API enum gyre_status gyre_attention_supported(struct gyre_device *device,
                                                   const struct gyre_attention_params *params);

// Writes which kernels, tiles, splits and precision gyre_attention takes for these params, and why
// others were refused: text of several lines, cut to `size` bytes with the terminating zero.
GYRE_API enum gyre_status gyre_attention_explain(struct gyre_device *device,
                                                 const struct gyre_attention_params *params,
                                                 char *text, size_t size);

// Fills in (n_heads) slopes of ALiBi, attention with linear biases (arXiv 2108.12409, section 3),
// what head i multiplies the distance from query to key by: 2^(-8 (i+1) / n_heads) for a power of
// two. Other counts take those of the largest power of two below, and then every other one of twice
// that. Host work, from any thread. INVALID: slopes is NULL.
GYRE_API enum gyre_status gyre_alibi_slopes(uint32_t n_heads, float *slopes);

#ifdef __cplusplus
}
#endif

#endif
