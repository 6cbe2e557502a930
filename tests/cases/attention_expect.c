// SPDX-License-Identifier: MIT
#include "cases/attention_expect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/attention_heads.h"

// One sequence, as if it were alone.
struct sequence {
    size_t b;
    struct oracle_span q, k;
    struct oracle_attention definition;
};

// --- memory

static double *alloc_doubles(size_t n)
{
    return calloc(n + 1, sizeof(double));
}

static double *alloc_nans(size_t n)
{
    double *values = alloc_doubles(n);
    for (size_t i = 0; values != NULL && i < n; i++)
        values[i] = NAN;
    return values;
}

static size_t n_q_tokens(const struct attention_case *row)
{
    return (size_t)row->q_len * (row->cu_q_lens != NULL ? 1 : row->n_batch);
}

static size_t n_k_tokens(const struct attention_case *row)
{
    return (size_t)row->kv_len * (row->cu_kv_lens != NULL ? 1 : row->n_batch);
}

static bool alloc_results(const struct attention_case *row, struct attention_expected *e)
{
    size_t n_rows = n_q_tokens(row) * row->n_heads, n_keys = n_k_tokens(row) * row->n_heads;
    e->out = alloc_nans(n_rows * row->v_dim);
    e->lse = alloc_nans(n_rows);
    e->slack = alloc_doubles(n_rows);
    e->scores = alloc_nans(row->has_scores ? n_rows * row->kv_len : 0);
    e->sums = alloc_nans(n_keys);
    e->n_sums = alloc_nans(n_keys);
    return e->out != NULL && e->lse != NULL && e->slack != NULL && e->scores != NULL &&
           e->sums != NULL && e->n_sums != NULL;
}

// What the oracle takes, of the longest sequence.
static bool alloc_inputs(const struct attention_run *run, struct attention_expected *e)
{
    const struct attention_case *row = &run->row;
    size_t n_q = attention_most_queries(row), n_k = attention_most_keys(row);
    size_t dim = (size_t)row->head_dim + row->dim2;
    bool has_mask = row->mask != ATTENTION_MASK_NONE;
    bool is_there = true;
    e->v = alloc_doubles(n_k_tokens(row) * row->n_kv_heads * row->v_dim);
    e->q = alloc_doubles(n_q * row->n_heads * dim);
    e->k = alloc_doubles(n_k * row->n_kv_heads * dim);
    e->mask = has_mask ? alloc_doubles(n_q * row->n_heads * n_k) : NULL;
    e->relative = alloc_doubles((size_t)row->n_relative * row->n_kv_heads * row->head_dim);
    e->k_positions = calloc(n_k + 1, sizeof(*e->k_positions));
    e->angles = alloc_doubles(2 * run->facts.n_pairs);
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++) {
        e->row[stage] = alloc_doubles(n_k);
        is_there = is_there && e->row[stage] != NULL;
    }
    return is_there && e->v != NULL && e->q != NULL && e->k != NULL && e->relative != NULL &&
           (!has_mask || e->mask != NULL) && e->k_positions != NULL && e->angles != NULL;
}

void attention_expected_free(struct attention_expected *e)
{
    double *const all[] = {e->out, e->lse, e->slack, e->scores,   e->sums,   e->n_sums,
                           e->v,   e->q,   e->k,     e->relative, e->angles, e->mask};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        free(all[i]);
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        free(e->row[stage]);
    free(e->k_positions);
}

// --- values, keys' positions and masks, as the oracle takes them

// v, which may be the front of each row of k.
static void gather_v(const struct attention_run *run, double *v)
{
    const struct attention_case *row = &run->row;
    const double *source = row->is_v_in_k ? run->k.values : run->v.values;
    size_t n = n_k_tokens(row) * row->n_kv_heads;
    size_t source_dim = row->is_v_in_k ? row->head_dim : row->v_dim;
    for (size_t i = 0; !row->has_no_v && i < n; i++)
        memcpy(v + i * row->v_dim, source + i * source_dim, row->v_dim * sizeof(*v));
}

// For every KV head.
static void gather_relative(const struct attention_run *run, double *relative)
{
    const struct attention_case *row = &run->row;
    size_t dim = row->head_dim, n_stored = row->is_relative_shared ? 1 : row->n_kv_heads;
    for (size_t i = 0; i < row->n_relative; i++)
        for (size_t h = 0; h < row->n_kv_heads; h++, relative += dim)
            memcpy(relative, run->relative.values + (i * n_stored + h % n_stored) * dim,
                   dim * sizeof(*relative));
}

static void gather_positions(const struct attention_run *run, const struct sequence *s,
                             int32_t *positions)
{
    const struct guarded *said = &run->k_positions;
    for (size_t j = 0; said->image != NULL && j < s->k.n; j++)
        positions[j] = (int32_t)said->values[(s->k.first + j) % guarded_count(said)];
}

// What is added for key j: of bits and bytes 0, or -inf where they are 0.
static double mask_at(const struct attention_run *run, size_t source, size_t j)
{
    size_t n = (size_t)run->mask.layout.shape[3];
    const double *values = run->mask.values + source * n;
    if (run->row.mask == ATTENTION_MASK_BITS)
        return (unsigned)values[j / 8] >> j % 8 & 1 ? 0 : -INFINITY;
    if (run->row.mask == ATTENTION_MASK_U8)
        return values[j] == 0 ? -INFINITY : 0;
    return values[j];
}

// Expands the mask of a sequence over its broadcast axes.
static void gather_mask(const struct attention_run *run, const struct sequence *s, double *mask)
{
    const uint64_t *shape = run->mask.layout.shape;
    for (size_t h = 0; mask != NULL && h < run->row.n_heads; h++)
        for (size_t i = 0; i < s->q.n; i++) {
            size_t source = ((s->b % shape[0]) * shape[1] + h % shape[1]) * shape[2] + i % shape[2];
            for (size_t j = 0; j < s->k.n; j++)
                *mask++ = mask_at(run, source, j);
        }
}

// --- heads

// Where a token stands on every axis: as its coordinates say, or at `otherwise`.
static void set_position(const struct attention_run *run, const struct guarded *coords,
                         size_t token, int64_t otherwise, int64_t position[GYRE_ROPE_MAX_AXES])
{
    const uint64_t *shape = coords->layout.shape;
    for (size_t axis = 0; axis < GYRE_ROPE_MAX_AXES; axis++)
        position[axis] = otherwise;
    for (size_t axis = 0; coords->image != NULL && axis < run->facts.n_axes; axis++) {
        size_t n_tokens = (size_t)(shape[2] * shape[3]);
        position[axis] = (int64_t)coords->values[axis % shape[1] * n_tokens + token % n_tokens];
    }
}

static struct oracle_rope rotation_of(const struct attention_run *run)
{
    return (struct oracle_rope){
        .head_dim = run->row.rope.head_dim,
        .rotary_dim = 2 * (size_t)run->facts.n_pairs,
        .rotary_offset = run->row.rope.rotary_offset,
        .is_interleaved = run->row.rope.pairing == GYRE_ROPE_INTERLEAVED,
        .inv_freq = run->inv_freq,
        .pair_axes = run->pair_axes,
    };
}

static void gather_q(const struct attention_run *run, const struct sequence *s,
                     const struct oracle_rope *rope, double *angles, double *q)
{
    const struct attention_case *row = &run->row;
    const struct oracle_heads heads = {
        .x = run->q.values,
        .n_heads = row->n_heads,
        .dim = row->head_dim,
        .x2 = run->q2.values,
        .n_heads2 = row->n_heads,
        .dim2 = row->dim2,
        .rope = row->rotates_q ? rope : NULL,
        .amplitude = run->facts.attention_factor,
    };
    for (size_t i = 0; i < s->q.n; i++) {
        int64_t position[GYRE_ROPE_MAX_AXES];
        set_position(run, &run->q_coords, s->q.first + i,
                     oracle_attention_q_position(&s->definition, 0, i), position);
        oracle_heads_at(&heads, s->q.first + i, position, angles,
                        q + i * row->n_heads * s->definition.head_dim);
    }
}

static void gather_k(const struct attention_run *run, const struct sequence *s,
                     const struct oracle_rope *rope, double *angles, double *k)
{
    const struct attention_case *row = &run->row;
    const struct oracle_heads heads = {
        .x = run->k.values,
        .n_heads = row->n_kv_heads,
        .dim = row->head_dim,
        .x2 = run->k2.values,
        .n_heads2 = row->n_kv_heads2,
        .dim2 = row->dim2,
        .rope = row->rotates_k ? rope : NULL,
        .amplitude = run->facts.attention_factor,
    };
    for (size_t j = 0; j < s->k.n; j++) {
        int64_t position[GYRE_ROPE_MAX_AXES];
        set_position(run, &run->k_coords, s->k.first + j,
                     oracle_attention_k_position(&s->definition, 0, j), position);
        oracle_heads_at(&heads, s->k.first + j, position, angles,
                        k + j * row->n_kv_heads * s->definition.head_dim);
    }
}

// --- results

static struct oracle_attention definition_of(const struct attention_run *run,
                                             const struct attention_expected *e,
                                             const struct sequence *s)
{
    const struct attention_case *row = &run->row;
    return (struct oracle_attention){
        .n_batch = 1,
        .q_len = s->q.n,
        .kv_len = s->k.n,
        .n_heads = row->n_heads,
        .n_kv_heads = row->n_kv_heads,
        .head_dim = (size_t)row->head_dim + row->dim2,
        .v_dim = row->v_dim,
        .q = e->q,
        .k = e->k,
        .v = e->v + s->k.first * row->n_kv_heads * row->v_dim,
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
        .kv_lens = row->kv_lens != NULL ? &row->kv_lens[s->b] : NULL,
        .q_starts = row->q_starts != NULL ? &row->q_starts[s->b] : NULL,
        .slopes = run->slopes.values, // as stored
        .sinks = run->sinks.values,
        .k_positions = run->k_positions.image != NULL ? e->k_positions : NULL,
        .relative = row->n_relative != 0 ? e->relative : NULL,
        .n_relative = row->n_relative,
    };
}

// Adds the probabilities of a row to the sums of its head, of which `at` is the first.
static void add_to_sums(const struct sequence *s, size_t at, struct attention_expected *e)
{
    for (size_t j = 0; j < s->k.n; j++) {
        e->sums[at + j] += e->row[ORACLE_PROBS][j];
        e->n_sums[at + j] += e->row[ORACLE_MASKED][j] != -INFINITY;
    }
}

// By how much sums in f16 may be off the product of q and k, as the header gives it: 8 products are
// rounded, and summed, to 2^-11 of themselves, which is gamma of all their sizes; and elements of q
// and products, where they fall below the smallest normal number, to 2^-25, q being shrunk to at
// least 2^-5.
static double f16_slack(const double *q, const double *k, size_t n)
{
    const double unit = 0x1p-11, gamma = 8 * unit / (1 - 8 * unit);
    double sizes = 0, sum_k = 0, most_q = 0;
    for (size_t d = 0; d < n; d++) {
        sizes += fabs(q[d] * k[d]);
        sum_k += 1 + fabs(k[d]);
        most_q = fmax(most_q, fabs(q[d]));
    }
    return gamma * sizes + 0x1p-20 * most_q * sum_k;
}

// The most that the score of a key which query i of head h sees may be off.
static double slack_of(const struct attention_case *row, const struct sequence *s, size_t h,
                       size_t i, const struct attention_expected *e)
{
    const struct oracle_attention *d = &s->definition;
    const double scale = d->scale != 0 ? fabs(d->scale) : 1 / sqrt((double)d->head_dim);
    const size_t kv_head = h / (row->n_heads / row->n_kv_heads);
    double slack = 0;
    for (size_t j = 0; j < s->k.n; j++)
        if (e->row[ORACLE_MASKED][j] != -INFINITY) // a NaN allows nothing: fmax passes over it
            slack = fmax(slack, f16_slack(d->q + (i * d->n_heads + h) * d->head_dim,
                                          d->k + (j * d->n_kv_heads + kv_head) * d->head_dim,
                                          d->head_dim));
    return scale * slack;
}

static void expect_row(const struct attention_run *run, const struct sequence *s, size_t h,
                       size_t i, struct attention_expected *e)
{
    const struct attention_case *row = &run->row;
    size_t token = s->q.first + i, batch = token / row->q_len;
    size_t at = (batch * row->n_heads + h) * row->q_len + token % row->q_len;
    struct oracle_attention_row result = {.out = e->out + (token * row->n_heads + h) * row->v_dim};
    memcpy(result.scores, e->row, sizeof(result.scores));
    oracle_attention_row(&s->definition, 0, h, i, &result);
    e->lse[at] = result.lse;
    if (run->dtypes.precision == GYRE_ATTENTION_F16_SUMS)
        e->slack[at] = slack_of(row, s, h, i, e);
    if (row->has_scores)
        memcpy(e->scores + at * row->kv_len, e->row[row->stage], row->kv_len * sizeof(double));
}

static void expect_head(const struct attention_run *run, const struct sequence *s, size_t h,
                        struct attention_expected *e)
{
    const struct attention_case *row = &run->row;
    size_t batch = row->kv_len != 0 ? s->k.first / row->kv_len : 0;
    size_t sums_at = (batch * row->n_heads + h) * row->kv_len + s->k.first - batch * row->kv_len;
    bool sums_all = row->n_sum_queries == 0 || row->n_sum_queries >= s->q.n;
    size_t first_summed = sums_all ? 0 : s->q.n - row->n_sum_queries;
    for (size_t j = 0; j < s->k.n; j++)
        e->sums[sums_at + j] = e->n_sums[sums_at + j] = 0;
    for (size_t i = 0; i < s->q.n; i++) {
        if ((s->q.first + i) % row->q_len % row->check_step != 0)
            continue;
        expect_row(run, s, h, i, e);
        if (i >= first_summed)
            add_to_sums(s, sums_at, e);
    }
}

static void expect_sequence(const struct attention_run *run, size_t b, struct attention_expected *e)
{
    const struct attention_case *row = &run->row;
    const struct oracle_rope rope = rotation_of(run);
    struct sequence s = {b, attention_queries_of(row, b), attention_keys_of(row, b), {0}};
    s.definition = definition_of(run, e, &s);
    gather_positions(run, &s, e->k_positions);
    gather_mask(run, &s, e->mask);
    gather_q(run, &s, &rope, e->angles, e->q);
    gather_k(run, &s, &rope, e->angles, e->k);
    for (size_t h = 0; h < row->n_heads; h++)
        expect_head(run, &s, h, e);
}

bool attention_expect(const struct attention_run *run, struct attention_expected *expected)
{
    *expected = (struct attention_expected){0};
    if (!alloc_results(&run->row, expected) || !alloc_inputs(run, expected))
        return false;
    gather_v(run, expected->v);
    if (run->row.n_relative != 0)
        gather_relative(run, expected->relative);
    for (size_t b = 0; b < run->row.n_batch; b++)
        expect_sequence(run, b, expected);
    return true;
}
