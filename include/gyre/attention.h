// SPDX-License-Identifier: MIT
// Scaled dot-product attention, fused: the score matrix is never stored unless asked for.
// Threads: as for the stream given.
//
// Query row i stands at position q_pos = q_start + i, key j at k_pos = j or where k_positions says.
// In this order (ONNX Attention, opset 25; softmax in f32 with the row maximum subtracted, arXiv
// 2205.14135; relative keys as in arXiv 1803.02155, equation 4):
//
//   raw      s = scale (q.k + q.r[k_pos - q_pos])   scale 0 means 1/sqrt(head_dim)
//   capped   s = c tanh(s / c)                      when softcap c > 0
//   masked   s = s + mask - slope |q_pos - k_pos|   and -inf where not allowed
//   allowed  j < kv_len
//            and (not causal, or k_pos <= q_pos, or k_pos < n_prefix)
//            and (no window, or inside it, or k_pos < window_keep)
//            and the mask (bytes, bits: not 0; additive: not -inf)
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
#include <gyre/rope.h>
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

// What products are summed in. Asked for, never taken by itself; a device that cannot refuses.
// Problems of so few rows that memory binds them keep f32, as do scores always; key sums follow
// from the LSE.
enum gyre_attention_precision {
    GYRE_ATTENTION_F32 = 0,
    // Products of q and k are summed in f16, 8 at most, and these sums in f32, on GPUs with f16
    // arithmetic (Vulkan's shaderFloat16, OpenCL's cl_khr_fp16). Softmax and p v stay f32. Only for
    // q, k and v stored in f16, without rope or a second part. A score is off by at most
    //
    //   b = scale (g sum_d |q_d k_d| + 2^-20 max_d |q_d| sum_d (1 + |k_d|))   g = 8 u / (1 - 8 u)
    //
    // besides f32's errors: u is 2^-11, and 2^-10 on a device that does not round to nearest; one
    // that takes f16 below 2^-14 for 0 has 2^-9 for 2^-20. LSE is then off by at most the largest b
    // of its row, and out by that times max |v|. Of normal deviates with the usual scale the
    // relative RMS error of out stays below 1e-3. Nothing overflows on the way, whatever finite
    // numbers q and k hold: each row of q is multiplied by a power of two first, which the sums in
    // f32 take back. An infinite key times less than 2^-20 of a row's largest |q_d| is NaN.
    GYRE_ATTENTION_F16_SUMS,
    // Pairs of bf16 are multiplied, and summed in f32, by the CPU's dot products (AVX512_BF16): q
    // and k as stored, v with probabilities that are rounded. Only for q, k and v stored in bf16,
    // without rope or a second part. The bounds of `out` are those of bf16, whatever it is stored
    // in; those of `lse` stay f32's.
    GYRE_ATTENTION_BF16_DOTS,
};

struct gyre_attention_params {
    struct gyre_tensor q; // (batch, q_len, n_heads, head_dim)
    struct gyre_tensor k; // (batch, kv_len, n_kv_heads, head_dim); n_kv_heads divides n_heads
    struct gyre_tensor v; // (batch, kv_len, n_kv_heads, v_dim); may be a view of k
    // (batch, n_heads, q_len, kv_len): additive f32, f16, bf16, or u8. Axes of length 1 or stride 0
    // broadcast over batch, head and query. Absent: none.
    struct gyre_tensor mask;
    // The mask is u8 (batch, n_heads, q_len, ceil(kv_len / 8)), 8 keys a byte, the lowest bit
    // first.
    bool is_mask_bits;
    // Results, each optional but at least one there. They overlap neither inputs nor each other.
    struct gyre_tensor out;    // (batch, q_len, n_heads, v_dim)
    struct gyre_tensor lse;    // (batch, n_heads, q_len, 1) f32
    struct gyre_tensor scores; // (batch, n_heads, q_len, kv_len), every element written
    enum gyre_scores_stage scores_stage;
    // (batch, n_heads, 1, kv_len) f32: sums of each key's probabilities over the last n_sum_queries
    // queries, 0: all. They are added to what is there when adds_key_sums is set. Each is within
    // (8 + the largest |lse|) 2^-22 of itself and 1e-7 for every query that sees the key; hidden
    // keys count exactly 0.
    struct gyre_tensor key_sums;
    uint32_t n_sum_queries;
    bool adds_key_sums;
    float scale;   // not negative; 0: 1/sqrt(head_dim)
    float softcap; // 0: none
    bool is_causal;
    enum gyre_align align;
    int32_t q_start;       // may be negative; positions stay within 2^30 either way
    uint32_t window_left;  // q_pos - k_pos < window_left; counts the query's own position; 0:
                           // unlimited; at most 2^30
    uint32_t window_right; // k_pos - q_pos < window_right; likewise
    uint32_t window_keep;  // positions from 0 on that no window hides
    uint32_t n_prefix;     // positions from 0 on that causal does not hide

    // Optional, on the device. Sequences of different lengths: i32 (1, 1, 1, batch). kv_lens are
    // the keys that each has, of the tensor's (beyond them, as many; below 0, none); q_starts are
    // added to q_start. GYRE_ALIGN_END then speaks of each sequence's own last key. Positions are
    // kept within 2^30.
    struct gyre_tensor kv_lens, q_starts;
    // f32 (1, 1, 1, n_heads). ALiBi's slopes (gyre_alibi_slopes), and sinks: a logit per head that
    // takes part in the softmax's sum and in nothing else.
    struct gyre_tensor alibi_slopes, sinks;

    // Packed sequences. i32 (1, 1, 1, n_sequences + 1) cumulative lengths: sequence b has tokens
    // [cu[b], cu[b + 1]) of q, out and lse, whose batch is 1 and whose q_len counts all of them;
    // likewise of k, v, k_positions and key_sums. Either may be given without the other: then the
    // other's batch is n_sequences. Numbers outside a tensor are clamped to it. max_q_len and
    // max_kv_len bound the sequences (0: the tensor's tokens); what a sequence has beyond them does
    // not take part: as keys, it is hidden; as queries, results are left as they are, and so are
    // sums of such keys. Masks are (n_sequences, n_heads, max_q_len, max_kv_len). Without scores.
    struct gyre_tensor cu_q_lens, cu_kv_lens;
    uint32_t max_q_len, max_kv_len;

    // i32 (1, 1, batch or 1, kv_len): where keys stand, in any order (rings, shifted and sparse
    // caches); kept within 2^30. Negative positions are in no prefix and in no kept window.
    // GYRE_ALIGN_END still counts keys.
    struct gyre_tensor k_positions;
    // (1, 2 c + 1, n_kv_heads or 1, head_dim), f32, f16 or bf16: relative key embeddings r for
    // distances -c to c, further ones clipped (arXiv 1803.02155). Not with rope or a second part.
    struct gyre_tensor relative_keys;

    // A second part of q and k, whose dot product is added: (batch, q_len, n_heads, dim2) and
    // (batch, kv_len, n_kv_heads2, dim2), of q's and k's dtypes; n_kv_heads2 divides n_kv_heads.
    // head_dim in `scale` is then the sum of both.
    struct gyre_tensor q2, k2;

    // Rotates q, k or both by their positions while they are loaded, in f32, as gyre_rope does
    // FORWARD; the second part where there is one, else the whole head: the table's head_dim is
    // that part's. Positions are q_pos and k_pos, or for tables of several axes (1, axis, batch,
    // token) i32 or i64 as gyre_rope takes them (k_coords may have batch 1); an axis of length 1
    // serves all.
    const struct gyre_rope_table *rope;
    bool rotates_q, rotates_k;
    struct gyre_tensor q_coords, k_coords;

    enum gyre_attention_precision precision;

    // The bits of a sequence's results depend neither on the batch that it comes in nor on the
    // number of the device's units. Costs speed where that would choose how keys are split.
    bool is_deterministic;
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
