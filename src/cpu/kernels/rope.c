// SPDX-License-Identifier: MIT
// Kernel `rope` (formulas and buffers in args/rope.h) on the CPU.
//
// groups: (1, blocks of tokens, batch). A group takes every head of the contiguous tokens
// [y, y + 1) * n_tokens / groups[1]; the sines and cosines of a token serve all of them.
#include "args/rope.h"

#include "angles.h"
#include "common.h"
#include "rotate.h"

enum { BUF_Q, BUF_Q_OUT, BUF_K, BUF_K_OUT, BUF_TABLE, BUF_POSITIONS, BUF_SIN, BUF_COS = 4 };
enum { DEF_X, DEF_PAIRING, DEF_CACHE, DEF_ADD };

// More written bytes than this go past the caches, which they would only sweep.
#define STREAMING_BYTES (24u << 20)
#define AHEAD_BYTES     4096

// What is done to a head. Streaming stores go past the caches.
enum action {
    ROTATE_HALF,
    ROTATE_INTERLEAVED,
    STREAM_HALF,
    STREAM_INTERLEAVED,
    ADD_HALF,
    ADD_INTERLEAVED,
};

// The heads of one token: rows of head_dim elements.
struct heads {
    const char *src;
    char *dst;
    size_t n, src_stride, dst_stride; // strides in elements
    enum action action;
    bool is_cold; // in place, from memory: rows are asked for well before they come
};

// Everything of a group in local memory.
struct scratch {
    struct angles angles;
    struct factors factors; // interleaved ones to be added: s and c in turn, in cos
};

static size_t local_size(const struct gyre_cpu_task *task)
{
    return 7 * padded_pairs(task->args) * sizeof(float);
}

static struct scratch lay_out(const struct gyre_rope_args *args, void *local)
{
    size_t n = padded_pairs(args);
    float *next = memset(local, 0, 7 * n * sizeof(float));
    return (struct scratch){
        .angles = {.cos = next, .sin = next + n, .turns = (uint32_t *)local + 2 * n},
        .factors = {.cos = next + 3 * n, .sin = next + 5 * n},
    };
}

// Sines and cosines in turn, to be added.
static void make_sums(const struct angles *angles, size_t n_pairs, float amp_cos, float amp_sin,
                      const struct factors *factors)
{
    for (size_t j = 0; j < n_pairs; j += VEC)
        store_zipped(factors->cos + 2 * j, vec_load(angles->sin + j) * amp_sin,
                     vec_load(angles->cos + j) * amp_cos);
}

static void set_factors(const struct gyre_cpu_task *task, const struct scratch *scratch)
{
    const struct gyre_rope_args *args = task->args;
    bool is_half = task->defs[DEF_PAIRING] == 0;
    if (task->defs[DEF_ADD] == 1 && !is_half)
        make_sums(&scratch->angles, args->n_pairs, args->amp_cos, args->amp_sin, &scratch->factors);
    else
        make_factors(is_half, &scratch->angles, args->n_pairs, args->amp_cos, args->amp_sin,
                     &scratch->factors);
}

// The elements outside the rotary window.
INLINE void copy_rest(u32 dtype, const struct gyre_rope_args *args, const char *src, char *dst)
{
    size_t size = dtype_size(dtype), end = args->rotary_offset + 2 * (size_t)args->n_pairs;
    memcpy(dst, src, args->rotary_offset * size);
    memcpy(dst + end * size, src + end * size, (args->head_dim - end) * size);
}

INLINE void add_row(u32 dtype, const char *src, char *dst, const float *numbers, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store_as(dtype, element_mut(dtype, dst, i),
                     vec_load_as(dtype, element(dtype, src, i)) + vec_load(numbers + i));
    for (; i < n; i++)
        scalar_store(dtype, element_mut(dtype, dst, i),
                     scalar_load(dtype, element(dtype, src, i)) + numbers[i]);
}

// The sinusoids of the pairs j < n
INLINE void add_half(u32 dtype, const char *src, char *dst, const struct factors *factors, size_t n)
{
    add_row(dtype, src, dst, factors->sin, n);
    add_row(dtype, element(dtype, src, n), element_mut(dtype, dst, n), factors->cos, n);
}

INLINE void turn_pairs(u32 dtype, enum action action, const char *src, char *dst,
                       const struct factors *factors, size_t n)
{
    bool is_streaming = action == STREAM_HALF || action == STREAM_INTERLEAVED;
    if (action == ADD_HALF)
        add_half(dtype, src, dst, factors, n);
    else if (action == ADD_INTERLEAVED)
        add_row(dtype, src, dst, factors->cos, 2 * n);
    else if (action == ROTATE_HALF || action == STREAM_HALF)
        rotate_half(dtype, is_streaming, src, dst, factors, n);
    else
        rotate_interleaved(dtype, is_streaming, src, dst, factors, n);
}

INLINE void turn_heads_as(u32 dtype, enum action action, const struct gyre_rope_args *args,
                          const struct heads *heads, const struct factors *factors)
{
    for (size_t h = 0; h < heads->n; h++) {
        const char *src = element(dtype, heads->src, h * heads->src_stride);
        char *dst = element_mut(dtype, heads->dst, h * heads->dst_stride);
        for (size_t i = 0; heads->is_cold && i < args->n_pairs * 2 * dtype_size(dtype); i += 64)
            __builtin_prefetch(src + AHEAD_BYTES + i, 1, 2);
        if (args->n_pass != 0 && src != dst)
            copy_rest(dtype, args, src, dst);
        turn_pairs(dtype, action, element(dtype, src, args->rotary_offset),
                   element_mut(dtype, dst, args->rotary_offset), factors, args->n_pairs);
    }
}

INLINE void turn_heads_of(u32 dtype, const struct gyre_rope_args *args, const struct heads *heads,
                          const struct factors *factors)
{
    switch (heads->action) {
    case ROTATE_HALF:
        turn_heads_as(dtype, ROTATE_HALF, args, heads, factors);
        break;
    case ROTATE_INTERLEAVED:
        turn_heads_as(dtype, ROTATE_INTERLEAVED, args, heads, factors);
        break;
    case STREAM_HALF:
        turn_heads_as(dtype, STREAM_HALF, args, heads, factors);
        break;
    case STREAM_INTERLEAVED:
        turn_heads_as(dtype, STREAM_INTERLEAVED, args, heads, factors);
        break;
    case ADD_HALF:
        turn_heads_as(dtype, ADD_HALF, args, heads, factors);
        break;
    case ADD_INTERLEAVED:
        turn_heads_as(dtype, ADD_INTERLEAVED, args, heads, factors);
        break;
    }
}

static void turn_heads(u32 dtype, const struct gyre_rope_args *args, const struct heads *heads,
                       const struct factors *factors)
{
    switch (dtype) {
    case DTYPE_F32:
        turn_heads_of(DTYPE_F32, args, heads, factors);
        break;
    case DTYPE_F16:
        turn_heads_of(DTYPE_F16, args, heads, factors);
        break;
    default:
        turn_heads_of(DTYPE_BF16, args, heads, factors);
    }
}

// Whether the results are larger than caches.
static bool is_large(u32 dtype, const struct gyre_rope_args *args)
{
    uint64_t written = (uint64_t)args->n_batch * args->n_tokens * args->head_dim *
                       dtype_size(dtype) * (args->n_q_heads + args->n_k_heads);
    return written > STREAMING_BYTES;
}

// Whether streaming pays, and every vector store will be aligned.
static bool can_stream(u32 dtype, const struct gyre_rope_args *args, const struct heads *heads)
{
    size_t size = dtype_size(dtype);
    size_t bits = (size_t)(uintptr_t)heads->dst | heads->dst_stride * size |
                  args->rotary_offset * size | args->n_pairs * size;
    return is_large(dtype, args) && heads->src != heads->dst && bits % STREAMING_ALIGN == 0;
}

static enum action action_of(const struct gyre_cpu_task *task, const struct heads *heads)
{
    bool is_half = task->defs[DEF_PAIRING] == 0;
    if (task->defs[DEF_ADD] == 1)
        return is_half ? ADD_HALF : ADD_INTERLEAVED;
    if (can_stream(task->defs[DEF_X], task->args, heads))
        return is_half ? STREAM_HALF : STREAM_INTERLEAVED;
    return is_half ? ROTATE_HALF : ROTATE_INTERLEAVED;
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
    u32 dtype = task->defs[DEF_X];
    struct heads heads = {
        .src = element(dtype, task->bufs[is_k ? BUF_K : BUF_Q], src),
        .dst = element_mut(dtype, task->bufs[is_k ? BUF_K_OUT : BUF_Q_OUT], dst),
        .n = is_k ? args->n_k_heads : args->n_q_heads,
        .src_stride = in[2],
        .dst_stride = out[2],
    };
    heads.action = action_of(task, &heads);
    heads.is_cold = heads.src == heads.dst && is_large(dtype, args);
    return heads;
}

static void run(const struct gyre_cpu_task *task, const uint32_t group[3], void *local)
{
    const struct gyre_rope_args *args = task->args;
    const struct angle_source source = {
        .args = args,
        .table = task->bufs[BUF_TABLE],
        .cache_dtype = task->defs[DEF_CACHE],
        .cos = task->bufs[BUF_COS],
        .sin = task->bufs[BUF_SIN],
        .positions = task->bufs[BUF_POSITIONS],
    };
    u32 dtype = task->defs[DEF_X], batch = group[2];
    u32 first = (u32)((uint64_t)args->n_tokens * group[1] / task->groups[1]);
    u32 end = (u32)((uint64_t)args->n_tokens * (group[1] + 1) / task->groups[1]);
    struct scratch scratch = lay_out(args, local);
    for (u32 token = first; token < end; token++) {
        struct heads q = heads_at(task, false, batch, token);
        struct heads k = heads_at(task, true, batch, token);
        angles_of(&source, batch, token, &scratch.angles);
        set_factors(task, &scratch);
        turn_heads(dtype, args, &q, &scratch.factors);
        turn_heads(dtype, args, &k, &scratch.factors);
    }
    streaming_fence();
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(rope) = {
    .name = "rope",
    .local_size = local_size,
    .run = run,
};
