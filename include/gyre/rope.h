// SPDX-License-Identifier: MIT
// Rotary position embedding (RoPE): RoFormer (arXiv 2104.09864) eq. 34, and as LLaMA and GPT-NeoX
// apply it.
// Threads: a table may be shared by threads; gyre_rope as for the stream given.
//
// Pair j of a head is rotated by the angle position * inv_freq[j]:
//   x'[a] = x[a] cos - x[b] sin        x'[b] = x[a] sin + x[b] cos
// where (a, b) is (2j, 2j+1) or (j, j + rotary_dim/2), counted from rotary_offset. Elements outside
// [rotary_offset, rotary_offset + rotary_dim) pass through.
//
// Precision: the angle is exact at any 32-bit position. inv_freq (double) is turned into a 64-bit
// fixed-point fraction of a turn per position, multiplied by the position in wrapping integer
// arithmetic, and its sine and cosine are polynomials: |error| of both at most 2^-22 everywhere. A
// rotated element is within half a unit in the last place of its dtype plus 2^-21 of its pair's
// norm. Where a sinusoid was added it is 2^-21 of the attention factor instead, and for f16 and
// bf16 the sum's own rounding to f32.
#ifndef GYRE_ROPE_H
#define GYRE_ROPE_H

#include <gyre/device.h>
#include <gyre/rope_config.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gyre_rope_table;

// Compiles a configuration for a device. The table is never changed and may be used by any stream
// of the device; no work in flight may use it when it is destroyed. INVALID as gyre_rope_resolve.
GYRE_API enum gyre_status gyre_rope_table_create(struct gyre_device *device,
                                                 const struct gyre_rope_config *config,
                                                 struct gyre_rope_table **out);
GYRE_API void gyre_rope_table_destroy(struct gyre_rope_table **table);

// What is done to each pair; R rotates it by the angle, a is the attention factor.
enum gyre_rope_direction {
    GYRE_ROPE_FORWARD = 0,   // a R
    GYRE_ROPE_TRANSPOSE,     // a R^T: the gradient of FORWARD
    GYRE_ROPE_INVERSE,       // R^T / a: undoes FORWARD
    GYRE_ROPE_SHIFT,         // R without a: moves rotated keys by a distance
    GYRE_ROPE_ADD_SINUSOIDS, // adds a (sin, cos) instead: absolute encoding (arXiv 1706.03762, 3.5)
};

struct gyre_rope_params {
    const struct gyre_rope_table *table;
    // Inputs (batch, token, head, head_dim), f32, f16 or bf16. k may be absent; when it is there it
    // has q's batch, token and dtype, and its own head count.
    struct gyre_tensor q, k;
    // Results, same shapes and dtypes. Absent: in place. A result may be exactly its input (the
    // same view) but not otherwise overlap an input or the other result.
    struct gyre_tensor q_out, k_out;
    // Positions (1, axis, batch, token), i32, or i64 in the range of i32; an axis of length 1
    // serves all. Absent: token i stands at start + i, on every axis. (.., token) given: at start +
    // positions[i], modulo 2^32. One token given for several: token i at start + positions[0] + i;
    // so each sequence has its own start. Negative and repeated positions are legal. A SHIFT moves
    // by start + positions, never counting tokens: by one distance, one a sequence, or one a token.
    struct gyre_tensor positions;
    int32_t start;
    enum gyre_rope_direction direction;
    // A cache of cosines and sines, times the attention factor, to take instead of the table's
    // angles: (1, batch or 1, position, n_pairs), f32, f16 or bf16, both alike. A token takes the
    // row of its position. Where a position is no row, the result is NaN. Not for several axes.
    struct gyre_tensor cos, sin;
};

// Enqueues the rotation of q, and of k when given. The first call of a kind compiles and tries its
// kernel, and blocks for that long. INVALID: the log names the condition; UNSUPPORTED: this device
// cannot; COMPILE, NO_MEMORY, DEVICE, DEVICE_LOST. Overlap is told from shapes and strides, and
// views that interleave in unusual ways may be refused.
GYRE_API enum gyre_status gyre_rope(struct gyre_stream *stream,
                                    const struct gyre_rope_params *params);

// OK exactly when gyre_rope would accept these params on this device; the kernel has then been
// compiled. Tensors need no buffer yet.
GYRE_API enum gyre_status gyre_rope_supported(struct gyre_device *device,
                                              const struct gyre_rope_params *params);

// Writes which kernel, tile and precision gyre_rope takes for these params, and why others were
// refused: text of several lines, cut to `size` bytes with the terminating zero.
GYRE_API enum gyre_status gyre_rope_explain(struct gyre_device *device,
                                            const struct gyre_rope_params *params, char *text,
                                            size_t size);

#ifdef __cplusplus
}
#endif

#endif
