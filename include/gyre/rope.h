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
// norm.
#ifndef GYRE_ROPE_H
#define GYRE_ROPE_H

#include <gyre/device.h>
#include <gyre/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

// Which elements of a head form pair j.
enum gyre_rope_pairing {
    GYRE_ROPE_HALF = 0,    // (j, j + rotary_dim/2): Hugging Face checkpoints, GPT-NeoX
    GYRE_ROPE_INTERLEAVED, // (2j, 2j + 1): RoFormer, GPT-J, LLaMA as Meta publishes it
};

// What a model's RoPE is; host data, copied.
struct gyre_rope_config {
    uint32_t head_dim;      // elements of a head; required
    uint32_t rotary_dim;    // how many of them rotate, even; 0: head_dim
    uint32_t rotary_offset; // first one that rotates
    enum gyre_rope_pairing pairing;
    double theta;           // base of the frequencies; 0: 10000
    const double *inv_freq; // (rotary_dim/2) radians per position; NULL:
                            // inv_freq[j] = theta^(-2j/rotary_dim), RoFormer section 3.2.2
    double amplitude;       // factor on cos and sin (YaRN's attention factor); 0: 1
};

struct gyre_rope_table;

// Compiles a configuration for a device. The table is never changed and may be used by any stream
// of the device; no work in flight may use it when it is destroyed. INVALID names the field:
// head_dim 0 or beyond 2^20, rotary_dim odd or beyond head_dim, theta not finite or negative, a
// frequency of 2^32 or more, amplitude outside [1e-30, 1e30].
GYRE_API enum gyre_status gyre_rope_table_create(struct gyre_device *device,
                                                 const struct gyre_rope_config *config,
                                                 struct gyre_rope_table **out);
GYRE_API void gyre_rope_table_destroy(struct gyre_rope_table **table);

enum gyre_rope_direction {
    GYRE_ROPE_FORWARD = 0, // amplitude * R
    GYRE_ROPE_TRANSPOSE,   // amplitude * R^T: the gradient of FORWARD
    GYRE_ROPE_INVERSE,     // R^T / amplitude: undoes FORWARD
    GYRE_ROPE_SHIFT,       // R without amplitude, every token by `start`: moves cached keys
};

struct gyre_rope_params {
    const struct gyre_rope_table *table;
    // Inputs (batch, token, head, head_dim), f32, f16 or bf16. k may be absent; when it is there it
    // has q's batch, token and dtype, and its own head count.
    struct gyre_tensor q, k;
    // Results, same shapes and dtypes. Absent: in place. A result may be exactly its input (the
    // same view) but not otherwise overlap an input or the other result.
    struct gyre_tensor q_out, k_out;
    // Positions i32 (1, 1, batch or 1, token); 1 in the batch axis serves all. Absent: token i
    // stands at start + i. Given: at start + positions[i], modulo 2^32. Negative and repeated ones
    // are legal. A SHIFT takes none.
    struct gyre_tensor positions;
    int32_t start;
    enum gyre_rope_direction direction;
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
