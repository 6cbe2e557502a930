// SPDX-License-Identifier: MIT
// Facts that hold for attention whatever the numbers: the reference is tested by them.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dot.h"
#include "harness/fill.h"
#include "one_query.h"
#include "oracle/attention.h"
#include "oracle/attention_merge.h"

Test(attention_facts, equal_scores_give_the_mean)
{
    struct one_query f;
    one_query_make(&f, 5);
    for (size_t i = 0; i < DIM; i++)
        f.q[i] = 0;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    for (size_t d = 0; d < DIM; d++) {
        double mean = 0;
        for (size_t j = 0; j < KEYS; j++)
            mean += f.v[j * DIM + d] / KEYS;
        cr_assert(fabs(f.out[d] - mean) < 1e-14);
    }
    cr_assert(fabs(f.row.lse - log(KEYS)) < 1e-14);
}

// Attention of the fixture's query to the keys from `first` up to `end`, without the sink.
static struct oracle_part attend_to(struct one_query *f, size_t first, size_t end, double out[DIM])
{
    f->definition.kv_len = end - first;
    f->definition.k = f->k + first * DIM;
    f->definition.v = f->v + first * DIM;
    f->row.out = out;
    oracle_attention_row(&f->definition, 0, 0, 0, &f->row);
    return (struct oracle_part){out, f->row.lse};
}

// The second range is empty.
Test(attention_facts, split_and_merge_changes_nothing)
{
    static const size_t ends[] = {0, 3, 3, KEYS - 1, KEYS};
    static const double sinks[] = {-INFINITY, 0.5, 1e4};
    for (size_t s = 0; s < sizeof(sinks) / sizeof(sinks[0]); s++) {
        struct one_query f;
        double whole[DIM], merged[DIM], outs[4][DIM];
        struct oracle_part parts[4];
        one_query_make(&f, 6);
        f.definition.sinks = &sinks[s];
        double lse = attend_to(&f, 0, KEYS, whole).lse;
        f.definition.sinks = NULL;
        for (size_t i = 0; i < 4; i++)
            parts[i] = attend_to(&f, ends[i], ends[i + 1], outs[i]);
        outs[1][0] = NAN; // saw nothing, so nobody looks
        cr_assert(fabs(oracle_attention_merge(parts, 4, DIM, sinks[s], merged) - lse) < 1e-13);
        for (size_t d = 0; d < DIM; d++)
            cr_assert(fabs(merged[d] - whole[d]) < 1e-13);
    }
}

Test(attention_facts, a_merge_of_nothing_seen_is_zero)
{
    const double hidden[2] = {NAN, INFINITY};
    const struct oracle_part parts[2] = {{hidden, -INFINITY}, {hidden, -INFINITY}};
    double out[2] = {1, 1};
    cr_assert(oracle_attention_merge(parts, 2, 2, 0.5, out) == -INFINITY);
    cr_assert(out[0] == 0 && out[1] == 0);
}

Test(attention_facts, a_row_that_sees_nothing_is_zero)
{
    struct one_query f;
    one_query_make(&f, 7);
    f.definition.is_causal = 1;
    f.definition.q_start = -1;
    f.k[3] = NAN;
    f.v[3] = INFINITY;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    for (size_t d = 0; d < DIM; d++)
        cr_assert(f.out[d] == 0);
    for (size_t j = 0; j < KEYS; j++)
        cr_assert(f.stages[ORACLE_PROBS][j] == 0);
    cr_assert(f.row.lse == -INFINITY);
}

// ALiBi is a mask of the distances; queries of this fixture stand at q_start.
Test(attention_facts, alibi_is_a_mask)
{
    struct one_query f;
    const double slope = 0.3;
    double mask[KEYS], out[DIM];
    one_query_make(&f, 8);
    f.definition.q_start = 7;
    f.definition.slopes = &slope;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    memcpy(out, f.out, sizeof(out));
    double lse = f.row.lse;
    for (int j = 0; j < KEYS; j++)
        mask[j] = -slope * abs(7 - j);
    f.definition.slopes = NULL;
    f.definition.mask = mask;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    cr_assert(fabs(f.row.lse - lse) < 1e-14);
    for (size_t d = 0; d < DIM; d++)
        cr_assert(fabs(f.out[d] - out[d]) < 1e-14);
}

// A sink is one more key, whose score is the sink and whose value is zero.
Test(attention_facts, a_sink_is_a_key_without_value)
{
    static const double sinks[] = {0.5, -1e4, 1e4};
    for (size_t s = 0; s < sizeof(sinks) / sizeof(sinks[0]); s++) {
        struct one_query f;
        double mask[KEYS] = {0}, out[DIM];
        one_query_make(&f, 9);
        f.definition.kv_len = KEYS - 1;
        f.definition.sinks = &sinks[s];
        oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
        memcpy(out, f.out, sizeof(out));
        double lse = f.row.lse;
        f.definition.sinks = NULL;
        f.definition.kv_len = KEYS;
        f.definition.mask = mask;
        mask[KEYS - 1] = sinks[s];
        memset(f.k + (KEYS - 1) * DIM, 0, DIM * sizeof(double));
        memset(f.v + (KEYS - 1) * DIM, 0, DIM * sizeof(double));
        oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
        double larger = fmax(lse, sinks[s]), smaller = fmin(lse, sinks[s]);
        cr_assert(fabs(f.row.lse - (larger + log1p(exp(smaller - larger)))) < 1e-11);
        for (size_t d = 0; d < DIM; d++)
            cr_assert(fabs(f.out[d] - out[d]) < 1e-14);
    }
}

// --- attention once more, without stages, row maxima or stored scores

enum { OWN_BATCH = 4, OWN_QUERIES = 5, OWN_KEYS = 9, OWN_HEADS = 4, OWN_KV_HEADS = 2, OWN_DIM = 3 };

// exp of the score of query i for key j, straight from the formula.
static double weight(const struct oracle_attention *a, size_t b, size_t h, int i, int j)
{
    const double *q = a->q + ((b * OWN_QUERIES + (size_t)i) * OWN_HEADS + h) * OWN_DIM;
    const double *k = a->k + ((b * OWN_KEYS + (size_t)j) * OWN_KV_HEADS + h / 2) * OWN_DIM;
    int len = a->kv_lens[b] < OWN_KEYS ? a->kv_lens[b] : OWN_KEYS;
    int at = len - OWN_QUERIES + i + (int)a->q_start + a->q_starts[b];
    if (j >= len || j > at)
        return 0;
    double s = 2 * tanh(dot(q, k, OWN_DIM) / sqrt(OWN_DIM) / 2);
    return exp(s + a->mask[((b * OWN_HEADS + h) * OWN_QUERIES + (size_t)i) * OWN_KEYS + (size_t)j] -
               a->slopes[h] * (at - j));
}

static void assert_row(const struct oracle_attention *a, size_t b, size_t h, int i)
{
    double stages[ORACLE_N_STAGES][OWN_KEYS], out[OWN_DIM], sum = 0, want[OWN_DIM] = {0};
    struct oracle_attention_row row = {.out = out};
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        row.scores[stage] = stages[stage];
    oracle_attention_row(a, b, h, (size_t)i, &row);
    for (int j = 0; j < OWN_KEYS; j++) {
        double w = weight(a, b, h, i, j);
        sum += w;
        cr_assert(fabs(exp(stages[ORACLE_MASKED][j]) - w) < 1e-13);
        for (size_t d = 0; w > 0 && d < OWN_DIM; d++)
            want[d] += w * a->v[((b * OWN_KEYS + (size_t)j) * OWN_KV_HEADS + h / 2) * OWN_DIM + d];
    }
    cr_assert(sum > 0 ? fabs(row.lse - log(sum)) < 1e-13 : row.lse == -INFINITY);
    for (int j = 0; j < OWN_KEYS; j++) {
        double p = weight(a, b, h, i, j) / (sum + exp(a->sinks[h]));
        cr_assert(fabs(stages[ORACLE_PROBS][j] - p) < 1e-14);
    }
    for (size_t d = 0; d < OWN_DIM; d++)
        cr_assert(fabs(out[d] - want[d] / (sum + exp(a->sinks[h]))) < 1e-13);
}

Test(attention_facts, lengths_starts_alibi_and_sinks)
{
    enum { N_KV = OWN_BATCH * OWN_KEYS * OWN_KV_HEADS * OWN_DIM };
    enum { N_Q = OWN_BATCH * OWN_QUERIES * OWN_HEADS };
    double q[N_Q * OWN_DIM], k[N_KV], v[N_KV], mask[N_Q * OWN_KEYS], sinks[OWN_HEADS];
    const int32_t lens[OWN_BATCH] = {3, 100, 0, 7}, starts[OWN_BATCH] = {0, -1, 4, 2};
    const double slopes[OWN_HEADS] = {0.5, 0.25, 1, 0.125};
    fill_normals(10, q, sizeof(q) / sizeof(double));
    fill_normals(11, k, N_KV);
    fill_normals(12, v, N_KV);
    fill_normals(13, mask, sizeof(mask) / sizeof(double));
    fill_normals(14, sinks, OWN_HEADS);
    k[3 * OWN_KV_HEADS * OWN_DIM] = v[3 * OWN_KV_HEADS * OWN_DIM] = NAN; // past the first's length
    const struct oracle_attention definition = {
        .n_batch = OWN_BATCH,
        .q_len = OWN_QUERIES,
        .kv_len = OWN_KEYS,
        .n_heads = OWN_HEADS,
        .n_kv_heads = OWN_KV_HEADS,
        .head_dim = OWN_DIM,
        .v_dim = OWN_DIM,
        .q = q,
        .k = k,
        .v = v,
        .mask = mask,
        .softcap = 2,
        .is_causal = 1,
        .q_start = -1,
        .is_at_end = 1,
        .kv_lens = lens,
        .q_starts = starts,
        .slopes = slopes,
        .sinks = sinks,
    };
    for (size_t b = 0; b < OWN_BATCH; b++)
        for (size_t h = 0; h < OWN_HEADS; h++)
            for (int i = 0; i < OWN_QUERIES; i++)
                assert_row(&definition, b, h, i);
}

// The rule of which keys are seen, against a list written by hand.
Test(attention_facts, windows_prefix_and_causality)
{
    const int32_t len = 5, none = -3, most = 100, start = -2;
    const struct {
        struct oracle_attention rule;
        const char *sees; // keys 0.. of query 0, '1' where seen
    } rows[] = {
        {{.q_start = 4}, "11111111"},
        {{.q_start = 4, .is_causal = 1}, "11111000"},
        {{.q_start = 4, .is_causal = 1, .n_prefix = 7}, "11111110"},
        {{.q_start = 4, .window_left = 1}, "00001111"},
        {{.q_start = 4, .window_left = 3}, "00111111"},
        {{.q_start = 4, .window_right = 1}, "11111000"},
        {{.q_start = 4, .window_left = 2, .window_right = 2}, "00011100"},
        {{.q_start = 4, .window_left = 2, .is_causal = 1, .window_keep = 1}, "10011000"},
        {{.q_start = -2, .is_causal = 1, .window_keep = 3}, "00000000"},
        {{.q_start = -2, .window_right = 5}, "11100000"},
        {{.q_start = 6, .kv_lens = &len}, "11111000"},
        {{.kv_lens = &none, .window_keep = 3, .n_prefix = 3}, "00000000"},
        {{.kv_lens = &most}, "11111111"},
        {{.q_start = 4, .q_starts = &start, .is_causal = 1}, "11100000"},
        {{.q_len = 2, .is_at_end = 1, .is_causal = 1}, "11111110"},
        {{.q_len = 2, .is_at_end = 1, .is_causal = 1, .kv_lens = &len}, "11110000"},
        {{.q_len = 6, .is_at_end = 1, .is_causal = 1, .kv_lens = &len}, "00000000"},
        {{.q_len = 1, .is_at_end = 1, .kv_lens = &len, .q_starts = &start, .window_left = 2},
         "01111000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < 8; j++) {
            struct oracle_attention rule = rows[i].rule;
            rule.kv_len = 8;
            cr_assert(oracle_attention_sees(&rule, 0, 0, j) == (rows[i].sees[j] == '1'),
                      "rule %zu, key %zu", i, j);
        }
}
