// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/attention_run.h"
#include "harness/compare.h"
#include "oracle/attention.h"

// What the results should be, dense: (batch, query, head, v_dim), (batch, head, query),
// (batch, head, query, key).
struct expected {
    double *out, *lse, *scores;
    double *mask; // (batch, head, query, key), what is added; NULL: none
    double *v;    // (batch, key, head, v_dim)
    double *row[ORACLE_N_STAGES];
};

static double *alloc_doubles(size_t n)
{
    return calloc(n + 1, sizeof(double));
}

static bool expected_alloc(const struct attention_case *row, struct expected *e)
{
    size_t n_rows = (size_t)row->n_batch * row->n_heads * row->q_len;
    bool is_there = true;
    e->out = alloc_doubles(n_rows * row->v_dim);
    e->lse = alloc_doubles(n_rows);
    e->scores = alloc_doubles(row->has_scores ? n_rows * row->kv_len : 0);
    e->mask = row->mask != ATTENTION_MASK_NONE ? alloc_doubles(n_rows * row->kv_len) : NULL;
    e->v = alloc_doubles((size_t)row->n_batch * row->kv_len * row->n_kv_heads * row->v_dim);
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++) {
        e->row[stage] = alloc_doubles(row->kv_len);
        is_there = is_there && e->row[stage] != NULL;
    }
    return is_there && e->out != NULL && e->lse != NULL && e->scores != NULL && e->v != NULL &&
           (row->mask == ATTENTION_MASK_NONE || e->mask != NULL);
}

static void expected_free(struct expected *e)
{
    free(e->out);
    free(e->lse);
    free(e->scores);
    free(e->mask);
    free(e->v);
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        free(e->row[stage]);
}

// Expands the mask over its broadcast axes; a byte of 0 becomes -inf, any other 0.
static void expand_mask(const struct attention_run *run, double *mask)
{
    const struct attention_case *row = &run->row;
    const uint64_t *shape = run->mask.layout.shape;
    for (size_t b = 0; mask != NULL && b < row->n_batch; b++)
        for (size_t h = 0; h < row->n_heads; h++)
            for (size_t i = 0; i < row->q_len; i++) {
                size_t source =
                    ((b % shape[0]) * shape[1] + h % shape[1]) * shape[2] + i % shape[2];
                for (size_t j = 0; j < row->kv_len; j++) {
                    double value = run->mask.values[source * row->kv_len + j];
                    if (row->mask == ATTENTION_MASK_U8)
                        value = value == 0 ? -INFINITY : 0;
                    *mask++ = value;
                }
            }
}

// v, which may be the front of each row of k.
static void gather_v(const struct attention_run *run, double *v)
{
    const struct attention_case *row = &run->row;
    const double *source = row->is_v_in_k ? run->k.values : run->v.values;
    size_t n = (size_t)row->n_batch * row->kv_len * row->n_kv_heads;
    size_t source_dim = row->is_v_in_k ? row->head_dim : row->v_dim;
    for (size_t i = 0; !row->has_no_v && i < n; i++)
        memcpy(v + i * row->v_dim, source + i * source_dim, row->v_dim * sizeof(*v));
}

static struct oracle_attention definition_of(const struct attention_run *run,
                                             const struct expected *e)
{
    const struct attention_case *row = &run->row;
    return (struct oracle_attention){
        .n_batch = row->n_batch,
        .q_len = row->q_len,
        .kv_len = row->kv_len,
        .n_heads = row->n_heads,
        .n_kv_heads = row->n_kv_heads,
        .head_dim = row->head_dim,
        .v_dim = row->v_dim,
        .q = run->q.values,
        .k = run->k.values,
        .v = e->v,
        .mask = e->mask,
        .scale = row->scale,
        .softcap = row->softcap,
        .is_causal = row->is_causal,
        .q_start = row->q_start,
        .is_at_end = row->align == GYRE_ALIGN_END,
        .window_left = row->window_left,
        .window_right = row->window_right,
        .window_keep = row->window_keep,
        .n_prefix = row->n_prefix,
        .kv_lens = row->kv_lens,
        .q_starts = row->q_starts,
        .slopes = run->slopes.values, // as stored
        .sinks = run->sinks.values,
    };
}

// Rows that are not compared count as equal: zeros on both sides.
static void forget_row(struct attention_run *run, size_t b, size_t h, size_t i)
{
    const struct attention_case *row = &run->row;
    size_t at = (b * row->n_heads + h) * row->q_len + i;
    size_t out_at = (b * row->q_len + i) * row->n_heads + h;
    if (!row->has_no_out)
        memset(run->out.values + out_at * row->v_dim, 0, row->v_dim * sizeof(double));
    if (row->has_lse)
        run->lse.values[at] = 0;
    if (row->has_scores)
        memset(run->scores.values + at * row->kv_len, 0, row->kv_len * sizeof(double));
}

static void expect_row(const struct attention_run *run, const struct oracle_attention *definition,
                       size_t b, size_t h, size_t i, struct expected *e)
{
    const struct attention_case *row = &run->row;
    size_t at = (b * row->n_heads + h) * row->q_len + i;
    size_t out_at = (b * row->q_len + i) * row->n_heads + h;
    struct oracle_attention_row result = {.out = e->out + out_at * row->v_dim};
    memcpy(result.scores, e->row, sizeof(result.scores));
    oracle_attention_row(definition, b, h, i, &result);
    e->lse[at] = result.lse;
    if (row->has_scores)
        memcpy(e->scores + at * row->kv_len, e->row[row->stage], row->kv_len * sizeof(double));
}

static void expect_rows(struct attention_run *run, struct expected *e)
{
    const struct attention_case *row = &run->row;
    expand_mask(run, e->mask);
    gather_v(run, e->v);
    struct oracle_attention definition = definition_of(run, e);
    for (size_t b = 0; b < row->n_batch; b++)
        for (size_t h = 0; h < row->n_heads; h++)
            for (size_t i = 0; i < row->q_len; i++) {
                if (i % row->check_step == 0)
                    expect_row(run, &definition, b, h, i, e);
                else
                    forget_row(run, b, h, i);
            }
}

static void compare_output(const struct guarded *output, const double *want, double scale,
                           struct result *result)
{
    struct comparison comparison = {.name = output->name, .got = output->values, .want = want};
    memcpy(comparison.shape, output->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds_of_sums(output->layout.dtype), scale, result);
}

// Errors of out are over the largest |v|; of probabilities over 1; of scores and of LSE, which is
// one, over the largest score or 1.
static void compare_all(const struct attention_run *run, const struct expected *e,
                        struct result *result)
{
    const struct attention_case *row = &run->row;
    size_t n_v = (size_t)row->n_batch * row->kv_len * row->n_kv_heads * row->v_dim;
    if (!row->has_no_out)
        compare_output(&run->out, e->out, compare_scale(e->v, n_v), result);
    if (row->has_lse) {
        double scale = fmax(1, compare_scale(e->lse, guarded_count(&run->lse)));
        compare_output(&run->lse, e->lse, scale, result);
    }
    if (row->has_scores) {
        double scale = fmax(1, compare_scale(e->scores, guarded_count(&run->scores)));
        compare_output(&run->scores, e->scores, scale, result);
    }
}

void attention_run_check(struct attention_run *run, struct result *result)
{
    struct guarded *all[ATTENTION_N_TENSORS];
    struct expected e = {0};
    attention_run_tensors(run, all);
    for (size_t i = 0; i < ATTENTION_N_TENSORS; i++)
        if (all[i]->image != NULL)
            guarded_read(run->session, all[i], result);
    if (expected_alloc(&run->row, &e)) {
        expect_rows(run, &e);
        compare_all(run, &e, result);
    } else {
        result_fail(result, "no memory for the reference");
    }
    expected_free(&e);
}
