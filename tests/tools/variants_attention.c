// SPDX-License-Identifier: MIT
#include "variants_attention.h"

#include <stdio.h>

#include <gyre/gyre.h>

const struct storage storages[N_STORAGES] = {
    {GYRE_F32, GYRE_F32}, {GYRE_F16, GYRE_F16},  {GYRE_BF16, GYRE_BF16},
    {GYRE_F32, GYRE_F16}, {GYRE_F32, GYRE_BF16},
};

static const uint32_t head_dims[] = {64, 128, 256};
enum { N_HEAD_DIMS = sizeof(head_dims) / sizeof(*head_dims) };

// Grouped-query attention of 32 and 8 heads against 512 keys.
static struct gyre_attention_params problem(const struct storage *storage, uint32_t q_len,
                                            uint32_t dim)
{
    enum { HEADS = 32, KV_HEADS = 8, KEYS = 512 };
    return (struct gyre_attention_params){
        .q = {.dtype = storage->q, .shape = {1, q_len, HEADS, dim}},
        .k = {.dtype = storage->kv, .shape = {1, KEYS, KV_HEADS, dim}},
        .v = {.dtype = storage->kv, .shape = {1, KEYS, KV_HEADS, dim}},
        .out = {.dtype = storage->q, .shape = {1, q_len, HEADS, dim}},
        .is_causal = true,
    };
}

// The report would lack their kernels.
static int n_refused;

static void ask(struct gyre_device *device, const struct gyre_attention_params *params)
{
    if (gyre_attention_supported(device, params) == GYRE_OK)
        return;
    fprintf(stderr, "refused: q_len %u, head_dim %u\n", (unsigned)params->q.shape[1],
            (unsigned)params->q.shape[3]);
    n_refused++;
}

static void add_attentions(struct gyre_device *device, uint32_t q_len, uint32_t dim)
{
    struct gyre_attention_params params;
    for (int i = 0; i < N_STORAGES; i++) {
        params = problem(&storages[i], q_len, dim);
        ask(device, &params);
    }
    params = problem(&storages[1], q_len, dim);
    params.alibi_slopes = (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 1, 1, 32}};
    ask(device, &params);
    static const enum gyre_dtype masks[] = {GYRE_U8, GYRE_F32, GYRE_F16};
    for (int i = 0; i < 3; i++) {
        params = problem(&storages[1], q_len, dim);
        params.mask = (struct gyre_tensor){.dtype = masks[i], .shape = {1, 1, q_len, 512}};
        ask(device, &params);
    }
}

static void add_scores(struct gyre_device *device)
{
    for (int stage = GYRE_SCORES_RAW; stage <= GYRE_SCORES_PROBS; stage++)
        for (int i = 0; i < 3; i++) {
            struct gyre_attention_params params = problem(&storages[i], 512, 128);
            params.scores =
                (struct gyre_tensor){.dtype = storages[i].q, .shape = {1, 32, 512, 512}};
            params.scores_stage = (enum gyre_scores_stage)stage;
            ask(device, &params);
        }
}

// --- what problems may have besides: each changes a plain one

static void add_bits(struct gyre_attention_params *params)
{
    params->mask = (struct gyre_tensor){.dtype = GYRE_U8, .shape = {1, 1, params->q.shape[1], 64}};
    params->is_mask_bits = true;
}

static void add_positions(struct gyre_attention_params *params)
{
    params->k_positions = (struct gyre_tensor){.dtype = GYRE_I32, .shape = {1, 1, 1, 512}};
}

static void add_relative(struct gyre_attention_params *params)
{
    params->relative_keys =
        (struct gyre_tensor){.dtype = params->q.dtype, .shape = {1, 65, 1, params->q.shape[3]}};
}

static void add_packed(struct gyre_attention_params *params)
{
    params->cu_q_lens = params->cu_kv_lens =
        (struct gyre_tensor){.dtype = GYRE_I32, .shape = {1, 1, 1, 9}};
}

static void add_sums(struct gyre_attention_params *params)
{
    params->key_sums = (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 32, 1, 512}};
}

static void add_f16_sums(struct gyre_attention_params *params)
{
    params->precision = GYRE_ATTENTION_F16_SUMS;
}

static void add_masked_f16_sums(struct gyre_attention_params *params)
{
    params->mask =
        (struct gyre_tensor){.dtype = GYRE_F16, .shape = {1, 1, params->q.shape[1], 512}};
    add_f16_sums(params);
}

// Probabilities of keys that stand anywhere.
static void add_placed_scores(struct gyre_attention_params *params)
{
    add_positions(params);
    params->scores =
        (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 32, params->q.shape[1], 512}};
    params->scores_stage = GYRE_SCORES_PROBS;
}

typedef void add_fn(struct gyre_attention_params *params);
static add_fn *const extras[] = {
    add_bits, add_positions, add_relative,        add_packed,
    add_sums, add_f16_sums,  add_masked_f16_sums, add_placed_scores,
};
enum { N_EXTRAS = sizeof(extras) / sizeof(*extras) };

static void add_extras(struct gyre_device *device, uint32_t q_len)
{
    for (int i = 0; i < N_EXTRAS; i++) {
        struct gyre_attention_params params = problem(&storages[1], q_len, 128);
        extras[i](&params);
        ask(device, &params);
    }
}

// Too few rows to fill the device, so that the keys of its tiles are divided.
static void add_partial(struct gyre_device *device)
{
    struct gyre_attention_params params = problem(&storages[1], 24, 128);
    params.k.shape[1] = params.v.shape[1] = 8192;
    ask(device, &params);
}

// A cache of unrotated keys, and then q rotated with them.
static void add_rotated(struct gyre_device *device, const struct gyre_rope_table *table,
                        struct gyre_attention_params params)
{
    params.rope = table;
    params.rotates_k = true;
    ask(device, &params);
    params.rotates_q = true;
    ask(device, &params);
}

// Multi-head latent attention: one head of 512 elements, all of which are values too, and 64 that
// rotate.
static struct gyre_attention_params latent_problem(uint32_t q_len)
{
    struct gyre_attention_params params = problem(&storages[1], q_len, 512);
    params.k.shape[2] = params.v.shape[2] = 1;
    params.q2 = params.q;
    params.k2 = params.k;
    params.q2.shape[3] = params.k2.shape[3] = 64;
    return params;
}

static void add_rotations(struct gyre_device *device, uint32_t q_len)
{
    const struct gyre_attention_params latent = latent_problem(q_len);
    ask(device, &latent);
    for (int i = 0; i < 2; i++) {
        struct gyre_rope_table *table = NULL;
        const struct gyre_rope_config config = {.head_dim = i == 0 ? 128 : 64};
        if (gyre_rope_table_create(device, &config, &table) != GYRE_OK)
            n_refused++;
        add_rotated(device, table, i == 0 ? problem(&storages[1], q_len, 128) : latent);
        gyre_rope_table_destroy(&table);
    }
}

int plan_attentions(struct gyre_device *device)
{
    const uint32_t q_lens[] = {1, 512};
    n_refused = 0;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < N_HEAD_DIMS; j++)
            add_attentions(device, q_lens[i], head_dims[j]);
        add_extras(device, q_lens[i]);
        add_rotations(device, q_lens[i]);
    }
    add_partial(device);
    add_scores(device);
    return n_refused;
}
