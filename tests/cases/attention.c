// SPDX-License-Identifier: MIT
#include "cases/attention.h"

#include <stdlib.h>
#include <string.h>

#include "cases/attention_run.h"
#include "cases/operator.h"

// Fills in what the row leaves to defaults.
static struct attention_case with_defaults(const struct attention_case *row)
{
    struct attention_case full = *row;
    full.n_batch = row->n_batch != 0 ? row->n_batch : 1;
    full.n_heads = row->n_heads != 0 ? row->n_heads : 1;
    full.n_kv_heads = row->n_kv_heads != 0 ? row->n_kv_heads : full.n_heads;
    full.n_kv_heads2 = row->n_kv_heads2 != 0 ? row->n_kv_heads2 : full.n_kv_heads;
    full.v_dim = row->v_dim != 0 || row->has_no_v ? row->v_dim : row->head_dim;
    full.kv_magnitude = row->kv_magnitude != 0 ? row->kv_magnitude : 1;
    full.check_step = row->check_step != 0 ? row->check_step : 1;
    full.rope.head_dim = row->dim2 != 0 ? row->dim2 : row->head_dim;
    return full;
}

struct oracle_span attention_queries_of(const struct attention_case *row, size_t b)
{
    return oracle_span_of(row->cu_q_lens, b, row->q_len, row->max_q_len);
}

struct oracle_span attention_keys_of(const struct attention_case *row, size_t b)
{
    return oracle_span_of(row->cu_kv_lens, b, row->kv_len, row->max_kv_len);
}

static uint32_t longest(const int32_t *firsts, uint32_t n_tokens, uint32_t most)
{
    return firsts != NULL && most != 0 && most < n_tokens ? most : n_tokens;
}

uint32_t attention_most_queries(const struct attention_case *row)
{
    return longest(row->cu_q_lens, row->q_len, row->max_q_len);
}

uint32_t attention_most_keys(const struct attention_case *row)
{
    return longest(row->cu_kv_lens, row->kv_len, row->max_kv_len);
}

// Whether no shader is embedded for what the row has: one thing at a time.
static bool is_rare(const struct attention_case *row)
{
    const bool is_packed = row->cu_q_lens != NULL || row->cu_kv_lens != NULL;
    const int n_extras = row->has_alibi + is_packed + (row->k_positions != ATTENTION_IN_ORDER);
    const bool has_mask = row->mask != ATTENTION_MASK_NONE;
    return n_extras + has_mask > 1 || (row->has_key_sums && has_mask) || row->n_relative != 0 ||
           row->dim2 != 0 || row->rotates_q || row->rotates_k;
}

// What the device lacks for a precision; NULL: nothing.
static const char *lacks(const struct gyre_device_info *info,
                         enum gyre_attention_precision precision)
{
    if (precision == GYRE_ATTENTION_BF16_DOTS && !info->has_bf16_dot)
        return "no bf16 dot products";
    return precision == GYRE_ATTENTION_F16_SUMS && !info->has_f16_math ? "no f16 arithmetic" : NULL;
}

struct attention_run *attention_prepare(struct session *session, const struct attention_case *row,
                                        const struct case_dtypes *dtypes, uint64_t seed,
                                        struct result *result)
{
    const char *lacking = lacks(session->info, dtypes->precision);
    if (lacking != NULL) {
        result_skip(result, "%s", lacking);
        return NULL;
    }
    struct attention_run *run = calloc(1, sizeof(*run));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run != NULL) {
        *run = (struct attention_run){
            .session = session, .row = with_defaults(row), .dtypes = *dtypes};
        status = attention_run_make(run, seed);
        if (status == GYRE_OK)
            status = gyre_attention_supported(session->device, &run->params);
    }
    if (status == GYRE_OK)
        return run;
    case_not_prepared(session, dtypes, is_rare(row), status, result);
    attention_run_destroy(run);
    return NULL;
}

const struct gyre_attention_params *attention_run_params(const struct attention_run *run)
{
    return &run->params;
}

enum gyre_status attention_run_enqueue(struct attention_run *run)
{
    return gyre_attention(run->session->stream, &run->params);
}

void attention_run_tensors(struct attention_run *run, struct guarded *all[ATTENTION_N_TENSORS])
{
    struct guarded *const tensors[ATTENTION_N_TENSORS] = {
        &run->q,           &run->k,     &run->v,        &run->q2,        &run->k2,
        &run->mask,        &run->lens,  &run->starts,   &run->cu_q_lens, &run->cu_kv_lens,
        &run->slopes,      &run->sinks, &run->relative, &run->q_coords,  &run->k_coords,
        &run->k_positions, &run->out,   &run->lse,      &run->scores,    &run->key_sums};
    memcpy(all, tensors, sizeof(tensors));
}

void attention_run_destroy(struct attention_run *run)
{
    struct guarded *all[ATTENTION_N_TENSORS];
    if (run == NULL)
        return;
    attention_run_tensors(run, all);
    for (size_t i = 0; i < ATTENTION_N_TENSORS; i++)
        guarded_destroy(all[i]);
    gyre_rope_table_destroy(&run->table);
    free(run->inv_freq);
    free(run->pair_axes);
    free(run->sums_before);
    free(run);
}

static const struct attention_case *row_of(size_t row)
{
    static const struct attention_case *const tables[] = {
        attention_cases,     attention_key_cases,   attention_packed_cases, attention_head_cases,
        attention_sum_cases, attention_split_cases, attention_f16_cases};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const struct attention_case *found = tables[i]; found->name != NULL; found++)
            if (row-- == 0)
                return found;
    return NULL;
}

// All rows once more by bf16 dot products, but for heads that these do not take and for rows of
// another precision.
static unsigned sets_of(const struct attention_case *row)
{
    unsigned sets = row->dtypes != 0 ? row->dtypes : CASE_F32;
    bool takes_dots = row->dim2 == 0 && !row->rotates_q && !row->rotates_k;
    return takes_dots && !(sets & CASE_F16_SUMS) ? sets | CASE_BF16_DOTS : sets;
}

static void *prepare(struct session *session, size_t row, const struct case_dtypes *dtypes,
                     uint64_t seed, struct result *result)
{
    return attention_prepare(session, row_of(row), dtypes, seed, result);
}

CASE_OPERATOR(attention);
