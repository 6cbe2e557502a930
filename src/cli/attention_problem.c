// SPDX-License-Identifier: MIT
#include "attention_problem.h"

#include <string.h>

// How many there are of what tensors have as axes.
struct sizes {
    uint64_t q_batch, q_tokens, k_batch, k_tokens;
    uint64_t q_len, kv_len; // of one sequence at most
    uint64_t v_dim;
    enum gyre_dtype q, k, v, out;
};

static enum gyre_dtype dtype_or(int dtype, enum gyre_dtype other)
{
    return dtype < 0 ? other : (enum gyre_dtype)dtype;
}

// Sequences of up to `len` tokens, packed when a number of all tokens is given.
static void set_tokens(uint32_t n_sequences, uint32_t len, uint32_t n_packed, uint64_t *n_batch,
                       uint64_t *n_tokens, uint64_t *longest)
{
    const bool is_packed = n_packed != 0;
    *n_batch = is_packed ? 1 : n_sequences;
    *n_tokens = is_packed ? n_packed : len;
    *longest = is_packed && n_packed < len ? n_packed : len;
}

static struct sizes sizes_of(const struct attention_terms *terms)
{
    const struct explain_shape *s = &terms->shape;
    struct sizes n = {.v_dim = s->v_dim != 0 ? s->v_dim : s->head_dim};
    set_tokens(s->n_batch, s->q_len, terms->n_q_tokens, &n.q_batch, &n.q_tokens, &n.q_len);
    set_tokens(s->n_batch, s->kv_len, terms->n_kv_tokens, &n.k_batch, &n.k_tokens, &n.kv_len);
    n.q = (enum gyre_dtype)s->dtype;
    n.k = dtype_or(s->kv_dtype, n.q);
    n.v = dtype_or(terms->v_dtype, n.k);
    n.out = dtype_or(terms->out_dtype, n.q);
    return n;
}

// (batch, token, head, dim)
static struct gyre_tensor heads_of(const struct attention_terms *terms, enum gyre_dtype dtype,
                                   uint64_t n_batch, uint64_t n_tokens, uint64_t n_heads,
                                   uint64_t dim)
{
    struct gyre_tensor tensor = explain_tensor(dtype, n_batch, n_tokens, n_heads, dim);
    const uint64_t head_major[4] = {n_heads * n_tokens * dim, dim, n_tokens * dim, 1};
    if (terms->is_head_major)
        memcpy(tensor.stride, head_major, sizeof(head_major));
    return tensor;
}

static struct gyre_tensor list_of(enum gyre_dtype dtype, uint64_t n)
{
    return explain_tensor(dtype, 1, 1, 1, n);
}

// --- terms

static void set_heads(const struct attention_terms *terms, const struct sizes *n,
                      struct gyre_attention_params *params)
{
    const struct explain_shape *s = &terms->shape;
    const uint64_t n_heads = s->heads.n, n_kv_heads = s->heads.n_kv;
    params->q = heads_of(terms, n->q, n->q_batch, n->q_tokens, n_heads, s->head_dim);
    params->k = heads_of(terms, n->k, n->k_batch, n->k_tokens, n_kv_heads, s->head_dim);
    params->v = heads_of(terms, n->v, n->k_batch, n->k_tokens, n_kv_heads, n->v_dim);
    if (terms->dim2 == 0)
        return;
    params->q2 = heads_of(terms, n->q, n->q_batch, n->q_tokens, n_heads, terms->dim2);
    params->k2 = heads_of(terms, n->k, n->k_batch, n->k_tokens, terms->n_kv_heads2, terms->dim2);
}

static void set_results(const struct attention_terms *terms, const struct sizes *n,
                        struct gyre_attention_params *params)
{
    const uint64_t n_heads = terms->shape.heads.n;
    if (!terms->has_no_out)
        params->out = heads_of(terms, n->out, n->q_batch, n->q_tokens, n_heads, n->v_dim);
    if (terms->has_lse)
        params->lse = explain_tensor(GYRE_F32, n->q_batch, n_heads, n->q_tokens, 1);
    if (terms->has_scores)
        params->scores =
            explain_tensor(GYRE_F32, terms->shape.n_batch, n_heads, n->q_len, n->kv_len);
    if (terms->has_key_sums)
        params->key_sums = explain_tensor(GYRE_F32, n->k_batch, n_heads, 1, n->k_tokens);
}

static void set_mask(const struct attention_terms *terms, const struct sizes *n,
                     struct gyre_attention_params *params)
{
    static const enum gyre_dtype dtypes[] = {
        [MASK_F32] = GYRE_F32,  [MASK_F16] = GYRE_F16, [MASK_BF16] = GYRE_BF16,
        [MASK_BYTES] = GYRE_U8, [MASK_BITS] = GYRE_U8,
    };
    const char *axes = terms->mask_axes;
    if (terms->mask == MASK_NONE)
        return;
    params->is_mask_bits = terms->mask == MASK_BITS;
    params->mask =
        explain_tensor(dtypes[terms->mask], strchr(axes, 'b') != NULL ? terms->shape.n_batch : 1,
                       strchr(axes, 'h') != NULL ? terms->shape.heads.n : 1,
                       strchr(axes, 'q') != NULL ? n->q_len : 1,
                       params->is_mask_bits ? (n->kv_len + 7) / 8 : n->kv_len);
}

static void set_lists(const struct attention_terms *terms, struct gyre_attention_params *params)
{
    const struct explain_shape *s = &terms->shape;
    const struct {
        bool is_there;
        struct gyre_tensor *list;
        enum gyre_dtype dtype;
        uint64_t n;
    } lists[] = {
        {terms->has_kv_lens, &params->kv_lens, GYRE_I32, s->n_batch},
        {terms->has_q_starts, &params->q_starts, GYRE_I32, s->n_batch},
        {terms->has_alibi, &params->alibi_slopes, GYRE_F32, s->heads.n},
        {terms->has_sinks, &params->sinks, GYRE_F32, s->heads.n},
        {terms->n_q_tokens != 0, &params->cu_q_lens, GYRE_I32, (uint64_t)s->n_batch + 1},
        {terms->n_kv_tokens != 0, &params->cu_kv_lens, GYRE_I32, (uint64_t)s->n_batch + 1},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        if (lists[i].is_there)
            *lists[i].list = list_of(lists[i].dtype, lists[i].n);
    params->max_q_len = terms->n_q_tokens != 0 ? s->q_len : 0;
    params->max_kv_len = terms->n_kv_tokens != 0 ? s->kv_len : 0;
}

static void set_keys(const struct attention_terms *terms, const struct sizes *n,
                     struct gyre_attention_params *params)
{
    const struct explain_shape *s = &terms->shape;
    const uint64_t n_relative = 2 * (uint64_t)terms->max_distance + 1;
    if (terms->has_k_positions)
        params->k_positions = explain_tensor(GYRE_I32, 1, 1, n->k_batch, n->k_tokens);
    if (terms->max_distance != 0)
        params->relative_keys = explain_tensor(n->k, 1, n_relative, s->heads.n_kv, s->head_dim);
}

static void set_rotation(const struct attention_terms *terms, const struct sizes *n,
                         const struct gyre_rope_table *rope, struct gyre_attention_params *params)
{
    const uint64_t n_axes = terms->n_axes;
    params->rope = rope;
    params->rotates_q = terms->rotates == ROTATES_Q || terms->rotates == ROTATES_BOTH;
    params->rotates_k = terms->rotates == ROTATES_K || terms->rotates == ROTATES_BOTH;
    if (n_axes != 0 && params->rotates_q)
        params->q_coords = explain_tensor(GYRE_I32, 1, n_axes, n->q_batch, n->q_tokens);
    if (n_axes != 0 && params->rotates_k)
        params->k_coords = explain_tensor(GYRE_I32, 1, n_axes, n->k_batch, n->k_tokens);
}

// --- the whole

struct gyre_rope_config attention_problem_rope(const struct attention_terms *terms)
{
    const uint32_t n_pairs = (terms->dim2 != 0 ? terms->dim2 : terms->shape.head_dim) / 2;
    struct gyre_rope_config config = {
        .head_dim = terms->dim2 != 0 ? terms->dim2 : terms->shape.head_dim,
        .pairing = terms->is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
        .axes = terms->n_axes > 1 ? GYRE_ROPE_SECTIONS : GYRE_ROPE_ONE_AXIS,
    };
    for (uint32_t axis = 0; terms->n_axes > 1 && axis < terms->n_axes; axis++)
        config.sections[axis] =
            n_pairs * (axis + 1) / terms->n_axes - n_pairs * axis / terms->n_axes;
    return config;
}

struct gyre_attention_params attention_problem_make(const struct attention_terms *terms,
                                                    const struct gyre_rope_table *rope)
{
    const struct sizes n = sizes_of(terms);
    struct gyre_attention_params params = terms->plain;
    set_heads(terms, &n, &params);
    set_results(terms, &n, &params);
    set_mask(terms, &n, &params);
    set_lists(terms, &params);
    set_keys(terms, &n, &params);
    set_rotation(terms, &n, rope, &params);
    return params;
}
