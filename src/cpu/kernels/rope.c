// SPDX-License-Identifier: MIT
// Kernel `rope` (formula and buffers in args/rope.h) on the CPU. Defs: X_DTYPE, PAIRING.
//
// groups: (1, blocks of tokens, batch). A group takes every head of the contiguous tokens
// [y, y + 1) * n_tokens / groups[1]; the sines and cosines of a token serve all of them.
#include "args/rope.h"

#include "common.h"
#include "convert.h"
#include "sincos.h"
#include "streaming.h"

enum { BUF_Q, BUF_Q_OUT, BUF_K, BUF_K_OUT, BUF_TABLE, BUF_POSITIONS };

// More written bytes than this go past the caches, which they would only sweep.
#define STREAMING_BYTES (24u << 20)

// The heads of one token: rows of head_dim elements.
struct heads {
    const char *src;
    char *dst;
    size_t n, src_stride, dst_stride; // strides in elements
    bool is_streaming;
};

// The angles of one token times the amplitudes, padded to whole vectors. Half pairing: (n_pairs)
// each; interleaved: (2 n_pairs) each, every cosine twice, the sines as -s, s.
struct angles {
    float *cos, *sin;
    uint32_t *turns; // (n_pairs)
};

static size_t padded_pairs(const struct gyre_rope_args *args)
{
    return (args->n_pairs + VEC - 1) / VEC * VEC;
}

static size_t local_size(const struct gyre_cpu_task *task)
{
    return 5 * padded_pairs(task->args) * sizeof(float);
}

static struct angles angles_at(const struct gyre_rope_args *args, void *local)
{
    size_t n = padded_pairs(args);
    struct angles angles = {.cos = local};
    angles.sin = angles.cos + 2 * n;
    angles.turns = memset(angles.sin + 2 * n, 0, n * sizeof(uint32_t));
    return angles;
}

// Stores (x0, x0, x1, x1, ...)
INLINE void store_twice(float *dst, vec even, vec odd)
{
    vec_store(dst, ZIP_LOW(even, odd));
    vec_store(dst + VEC, ZIP_HIGH(even, odd));
}

static void compute_angles(const struct gyre_rope_args *args, u32 pairing, const uint32_t *table,
                           int32_t position, const struct angles *angles)
{
    for (size_t j = 0; j < args->n_pairs; j++) {
        uint64_t freq = (uint64_t)table[2 * j + 1] << 32 | table[2 * j];
        angles->turns[j] = (uint32_t)((uint64_t)position * freq >> 32);
    }
    for (size_t j = 0; j < args->n_pairs; j += VEC) {
        uvec turn;
        vec s, c;
        memcpy(&turn, angles->turns + j, sizeof(turn));
        vec_sincos(turn, &s, &c);
        s *= args->amp_sin;
        c *= args->amp_cos;
        if (pairing == 0) {
            vec_store(angles->cos + j, c);
            vec_store(angles->sin + j, s);
        } else {
            store_twice(angles->cos + 2 * j, c, c);
            store_twice(angles->sin + 2 * j, -s, s);
        }
    }
}

INLINE void store(u32 dtype, bool is_streaming, void *dst, vec v)
{
    if (is_streaming)
        vec_store_streaming(dtype, dst, v);
    else
        vec_store_as(dtype, dst, v);
}

// x[j], x[j + n] for the pairs j < n
INLINE void rotate_half(u32 dtype, bool is_streaming, const char *src, char *dst,
                        const struct angles *angles, size_t n)
{
    const char *src_b = element(dtype, src, n);
    char *dst_b = element_mut(dtype, dst, n);
    size_t j = 0;
    for (; j + VEC <= n; j += VEC) {
        vec a = vec_load_as(dtype, element(dtype, src, j));
        vec b = vec_load_as(dtype, element(dtype, src_b, j));
        vec c = vec_load(angles->cos + j), s = vec_load(angles->sin + j);
        store(dtype, is_streaming, element_mut(dtype, dst, j), a * c - b * s);
        store(dtype, is_streaming, element_mut(dtype, dst_b, j), b * c + a * s);
    }
    for (; j < n; j++) {
        float a = scalar_load(dtype, element(dtype, src, j));
        float b = scalar_load(dtype, element(dtype, src_b, j));
        float c = angles->cos[j], s = angles->sin[j];
        scalar_store(dtype, element_mut(dtype, dst, j), a * c - b * s);
        scalar_store(dtype, element_mut(dtype, dst_b, j), b * c + a * s);
    }
}

// x[2 j], x[2 j + 1] for the pairs j < n
INLINE void rotate_interleaved(u32 dtype, bool is_streaming, const char *src, char *dst,
                               const struct angles *angles, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= 2 * n; i += VEC) {
        vec x = vec_load_as(dtype, element(dtype, src, i));
        vec c = vec_load(angles->cos + i), s = vec_load(angles->sin + i);
        store(dtype, is_streaming, element_mut(dtype, dst, i), x * c + SWAP_PAIRS(x) * s);
    }
    for (; i < 2 * n; i += 2) {
        float a = scalar_load(dtype, element(dtype, src, i));
        float b = scalar_load(dtype, element(dtype, src, i + 1));
        float c = angles->cos[i], s = angles->sin[i + 1];
        scalar_store(dtype, element_mut(dtype, dst, i), a * c - b * s);
        scalar_store(dtype, element_mut(dtype, dst, i + 1), b * c + a * s);
    }
}

// The elements outside the rotary window.
INLINE void copy_rest(u32 dtype, const struct gyre_rope_args *args, const char *src, char *dst)
{
    size_t size = dtype_size(dtype), end = args->rotary_offset + 2 * (size_t)args->n_pairs;
    memcpy(dst, src, args->rotary_offset * size);
    memcpy(dst + end * size, src + end * size, (args->head_dim - end) * size);
}

INLINE void rotate_heads_as(u32 dtype, u32 pairing, bool is_streaming,
                            const struct gyre_rope_args *args, const struct heads *heads,
                            const struct angles *angles)
{
    for (size_t h = 0; h < heads->n; h++) {
        const char *src = element(dtype, heads->src, h * heads->src_stride);
        char *dst = element_mut(dtype, heads->dst, h * heads->dst_stride);
        if (args->n_pass != 0)
            copy_rest(dtype, args, src, dst);
        src = element(dtype, src, args->rotary_offset);
        dst = element_mut(dtype, dst, args->rotary_offset);
        if (pairing == 0)
            rotate_half(dtype, is_streaming, src, dst, angles, args->n_pairs);
        else
            rotate_interleaved(dtype, is_streaming, src, dst, angles, args->n_pairs);
    }
}

INLINE void rotate_heads_of(u32 dtype, u32 pairing, const struct gyre_rope_args *args,
                            const struct heads *heads, const struct angles *angles)
{
    if (pairing == 0 && heads->is_streaming)
        rotate_heads_as(dtype, 0, true, args, heads, angles);
    else if (pairing == 0)
        rotate_heads_as(dtype, 0, false, args, heads, angles);
    else if (heads->is_streaming)
        rotate_heads_as(dtype, 1, true, args, heads, angles);
    else
        rotate_heads_as(dtype, 1, false, args, heads, angles);
}

static void rotate_heads(u32 dtype, u32 pairing, const struct gyre_rope_args *args,
                         const struct heads *heads, const struct angles *angles)
{
    switch (dtype) {
    case DTYPE_F32:
        rotate_heads_of(DTYPE_F32, pairing, args, heads, angles);
        break;
    case DTYPE_F16:
        rotate_heads_of(DTYPE_F16, pairing, args, heads, angles);
        break;
    default:
        rotate_heads_of(DTYPE_BF16, pairing, args, heads, angles);
    }
}

// Whether there is so much to write that streaming pays, and every vector store will be aligned.
static bool can_stream(u32 dtype, const struct gyre_rope_args *args, const struct heads *heads)
{
    size_t size = dtype_size(dtype);
    uint64_t written = (uint64_t)args->n_batch * args->n_tokens * args->head_dim * size *
                       (args->n_q_heads + args->n_k_heads);
    size_t bits = (size_t)(uintptr_t)heads->dst | heads->dst_stride * size |
                  args->rotary_offset * size | args->n_pairs * size;
    return written > STREAMING_BYTES && heads->src != heads->dst && bits % STREAMING_ALIGN == 0;
}

static struct heads heads_at(const struct gyre_cpu_task *task, bool is_k, u32 batch, u32 token)
{
    const struct gyre_rope_args *args = task->args;
    const u32 *in = is_k ? args->k_stride : args->q_stride;
    const u32 *out = is_k ? args->k_out_stride : args->q_out_stride;
    size_t src =
        (is_k ? args->k_offset : args->q_offset) + (size_t)batch * in[0] + (size_t)token * in[1];
    size_t dst = (is_k ? args->k_out_offset : args->q_out_offset) + (size_t)batch * out[0] +
                 (size_t)token * out[1];
    u32 dtype = task->defs[0];
    struct heads heads = {
        .src = element(dtype, task->bufs[is_k ? BUF_K : BUF_Q], src),
        .dst = element_mut(dtype, task->bufs[is_k ? BUF_K_OUT : BUF_Q_OUT], dst),
        .n = is_k ? args->n_k_heads : args->n_q_heads,
        .src_stride = in[2],
        .dst_stride = out[2],
    };
    heads.is_streaming = can_stream(dtype, args, &heads);
    return heads;
}

// Wraps at 32 bits, as on every device.
static int32_t position_of(const struct gyre_cpu_task *task, u32 batch, u32 token)
{
    const struct gyre_rope_args *args = task->args;
    const int32_t *positions = task->bufs[BUF_POSITIONS];
    if (args->use_positions == 0)
        return (int32_t)((u32)args->start + token * (u32)args->step);
    return (int32_t)((u32)args->start +
                     (u32)positions[args->pos_offset + (size_t)batch * args->pos_stride[0] +
                                    (size_t)token * args->pos_stride[1]]);
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_rope_args *args = task->args;
    u32 dtype = task->defs[0], pairing = task->defs[1], batch = group[2];
    u32 first = (u32)((uint64_t)args->n_tokens * group[1] / task->groups[1]);
    u32 end = (u32)((uint64_t)args->n_tokens * (group[1] + 1) / task->groups[1]);
    struct angles angles = angles_at(args, local);
    for (u32 token = first; token < end; token++) {
        struct heads q = heads_at(task, false, batch, token),
                     k = heads_at(task, true, batch, token);
        compute_angles(args, pairing, task->bufs[BUF_TABLE], position_of(task, batch, token),
                       &angles);
        rotate_heads(dtype, pairing, args, &q, &angles);
        rotate_heads(dtype, pairing, args, &k, &angles);
    }
    streaming_fence();
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(rope) = {
    .name = "rope",
    .local_size = local_size,
    .run = run,
};
