// SPDX-License-Identifier: MIT
// Linear attention with RoPE: RoFormer (arXiv 2104.09864) section 3.3, eq. 19, with the feature map
// of "Transformers are RNNs" (arXiv 2006.16236), p(x) = elu(x) + 1 for every element. Its cost is
// linear in the lengths, and all earlier keys come down to sums of a fixed size.
// Threads: as for the stream given.
//
// Query i stands at position q_pos = q_start + i, key j at k_pos = k_start + j. R_x is what
// GYRE_ROPE_FORWARD does to a head at position x, attention factor included. Over all keys j, or if
// causal over those with k_pos <= q_pos:
//
//   out[i] = sum_j (R_q_pos p(q[i])) . (R_k_pos p(k[j])) v[j] / sum_j p(q[i]) . p(k[j])
//
// Only the numerator is rotated: its terms may cancel, the denominator is a sum of positive ones. A
// query that no key is for gives zeros. NaN and infinities in keys and values of later positions do
// not leak into earlier queries.
//
// The same through sums over the keys, per KV head, which a call can take and give, so that a
// sequence may come in parts, down to token by token, at a cost that does not grow:
//
//   state = sum_j (R_k_pos p(k[j])) v[j]^T   norm = sum_j p(k[j])
//   out[i] = state^T (R_q_pos p(q[i])) / norm . p(q[i])
//
// Precision: f32 throughout. Let size[i] be out[i] with every product of the numerator replaced by
// what it can be at most, those of a rotated pair by the product of the two pairs' norms, and v by
// |v|. An element of out is then within half a unit in the last place of its dtype plus
// 2^-24 (16 + sqrt(n)) of its size, n being the number of keys in the sums, all calls together;
// without rotation that is at most of the largest |v|. An element of state is likewise within so
// much of its terms' sizes, and one of norm of itself. p(x) is 0 below x = -88, and a denominator
// below 2^-126 counts as 0, which gives zeros.
#ifndef GYRE_LINEAR_ATTENTION_H
#define GYRE_LINEAR_ATTENTION_H

#include <gyre/attention.h>
#include <gyre/device.h>
#include <gyre/rope.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gyre_linear_attention_params {
    struct gyre_tensor q; // (batch, q_len, n_heads, head_dim); absent with out
    struct gyre_tensor k; // (batch, kv_len, n_kv_heads, head_dim); n_kv_heads divides n_heads
    struct gyre_tensor v; // (batch, kv_len, n_kv_heads, v_dim)
    // Results: out, the sums, or both. They overlap neither inputs nor each other, except that
    // state and norm may be exactly past_state and past_norm (the same views).
    struct gyre_tensor out;         // (batch, q_len, n_heads, v_dim)
    struct gyre_tensor state, norm; // of this call's keys and the past, causal or not
    // Sums over keys that came before, which every query sees. Absent: none did.
    struct gyre_tensor past_state;      // (batch, n_kv_heads, head_dim, v_dim) f32, as state
    struct gyre_tensor past_norm;       // (batch, n_kv_heads, head_dim, 1) f32, as norm
    const struct gyre_rope_table *rope; // of this head_dim; NULL: nothing rotates
    bool is_causal;
    // GYRE_ALIGN_END: the last query stands at the last key, plus q_start.
    enum gyre_align align;
    int32_t q_start, k_start; // positions of query 0 and key 0; all stay within 32 bits, signed
};

// Enqueues it. q, k, v and out are each f32, f16 or bf16, and may differ. A prompt's next part, and
// a token that is decoded, is a call with is_causal, the same new tokens for q and k, both starts
// at the tokens before, and the sums in place. The first call of a kind compiles and tries its
// kernels, and a larger problem than before may grow the stream's scratch: both block. INVALID: the
// log names the condition; UNSUPPORTED: this device cannot; COMPILE, NO_MEMORY, DEVICE,
// DEVICE_LOST.
GYRE_API enum gyre_status gyre_linear_attention(struct gyre_stream *stream,
                                                const struct gyre_linear_attention_params *params);

// OK exactly when gyre_linear_attention would accept these params on this device; the kernels have
// then been compiled. Tensors need no buffer yet.
GYRE_API enum gyre_status
gyre_linear_attention_supported(struct gyre_device *device,
                                const struct gyre_linear_attention_params *params);

// Writes which kernels, segments and precision gyre_linear_attention takes for these params: text
// of several lines, cut to `size` bytes with the terminating zero.
GYRE_API enum gyre_status
gyre_linear_attention_explain(struct gyre_device *device,
                              const struct gyre_linear_attention_params *params, char *text,
                              size_t size);

#ifdef __cplusplus
}
#endif

#endif
