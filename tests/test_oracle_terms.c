// SPDX-License-Identifier: MIT
// The reference's terms of attention by facts: where keys stand, relative keys, heads in parts and
// rotated, packed sequences.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "harness/dot.h"
#include "harness/fill.h"
#include "one_query.h"
#include "oracle/attention.h"
#include "oracle/attention_heads.h"
#include "oracle/attention_packed.h"

static void assert_row(const struct one_query *f, const double *out, double lse)
{
    cr_assert(fabs(f->row.lse - lse) < 1e-13);
    for (size_t d = 0; d < DIM; d++)
        cr_assert(fabs(f->out[d] - out[d]) < 1e-13);
}

// --- where keys stand

// The rule of which keys are seen, against a list written by hand.
Test(oracle_terms, positions)
{
    static const int32_t at[KEYS] = {7, -1, 0, 2, 2, -3, INT32_MIN, INT32_MAX};
    const int32_t len = 4;
    const struct {
        struct oracle_attention rule;
        const char *sees; // '1' where the key is seen
    } rows[] = {
        {{.q_start = 2}, "11111111"},
        {{.q_start = 2, .is_causal = 1}, "01111110"},
        {{.q_start = -2, .is_causal = 1}, "00000110"},
        {{.q_start = -2, .is_causal = 1, .n_prefix = 3}, "00111110"},
        {{.q_start = -2, .is_causal = 1, .n_prefix = UINT32_MAX}, "10111111"},
        {{.q_start = 2, .window_left = 3}, "10111001"},
        {{.q_start = 2, .window_left = 4}, "11111001"},
        {{.q_start = 2, .window_right = 1}, "01111110"},
        {{.q_start = 2, .window_left = 1, .window_right = 1}, "00011000"},
        {{.q_start = 2, .window_left = 1, .window_right = 1, .window_keep = 1}, "00111000"},
        {{.q_start = 2, .window_left = 1, .is_causal = 1, .window_keep = 8}, "00111000"},
        {{.q_start = 7, .window_left = 1, .window_right = 1, .kv_lens = &len}, "10000000"},
        {{.q_len = 1, .is_at_end = 1, .is_causal = 1}, "11111110"},
        {{.q_len = 1, .is_at_end = 1, .is_causal = 1, .kv_lens = &len}, "01110000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < KEYS; j++) {
            struct oracle_attention rule = rows[i].rule;
            rule.kv_len = KEYS;
            rule.k_positions = at;
            cr_assert(oracle_attention_sees(&rule, 0, 0, j) == (rows[i].sees[j] == '1'),
                      "rule %zu, key %zu", i, j);
        }
}

// Keys and values in another order, and their positions with them.
Test(oracle_terms, the_order_of_keys_does_not_matter)
{
    static const int32_t backwards[KEYS] = {7, 6, 5, 4, 3, 2, 1, 0};
    const double slope = 0.3;
    struct one_query f, other;
    one_query_make(&f, 1);
    f.definition.is_causal = 1;
    f.definition.q_start = 5;
    f.definition.slopes = &slope;
    other = f;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    for (size_t j = 0; j < KEYS; j++) {
        memcpy(other.k + j * DIM, f.k + (KEYS - 1 - j) * DIM, DIM * sizeof(double));
        memcpy(other.v + j * DIM, f.v + (KEYS - 1 - j) * DIM, DIM * sizeof(double));
    }
    double out[DIM], lse = f.row.lse;
    memcpy(out, f.out, sizeof(out));
    f.definition.k = other.k;
    f.definition.v = other.v;
    f.definition.k_positions = backwards;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    assert_row(&f, out, lse);
}

// --- relative keys

// They are a mask of scale * q.r, clipped after a distance of one.
Test(oracle_terms, relative_keys_are_a_mask)
{
    enum { AT = 3 };
    struct one_query f;
    double relative[3 * DIM], mask[KEYS], out[DIM];
    one_query_make(&f, 2);
    fill_normals(3, relative, 3 * DIM);
    f.definition.q_start = AT;
    f.definition.scale = 0.3;
    f.definition.relative = relative;
    f.definition.n_relative = 3;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    memcpy(out, f.out, sizeof(out));
    double lse = f.row.lse;
    for (int j = 0; j < KEYS; j++)
        mask[j] = 0.3 * dot(f.q, relative + (j < AT ? 0 : j == AT ? 1 : 2) * DIM, DIM);
    f.definition.relative = NULL;
    f.definition.mask = mask;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    assert_row(&f, out, lse);
}

// One embedding for all distances changes nothing but the sum of exponentials.
Test(oracle_terms, one_relative_key_changes_nothing)
{
    struct one_query f;
    double relative[DIM], out[DIM];
    one_query_make(&f, 4);
    fill_normals(5, relative, DIM);
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    memcpy(out, f.out, sizeof(out));
    double lse = f.row.lse + dot(f.q, relative, DIM) / sqrt(DIM);
    f.definition.relative = relative;
    f.definition.n_relative = 1;
    oracle_attention_row(&f.definition, 0, 0, 0, &f.row);
    assert_row(&f, out, lse);
}

// --- heads

enum { DIM1 = 3, DIM2 = 8, HEADS = 4, HEADS2 = 2 };

// A token's heads at a position, rotated in the last six of the second part's elements.
static void take_heads(const double *x, const double *x2, size_t n_heads2, int64_t position,
                       double *y)
{
    double inv_freq[3], angles[6];
    oracle_rope_inv_freq(100, 6, inv_freq);
    const struct oracle_rope rope = {
        .head_dim = DIM2, .rotary_dim = 6, .rotary_offset = 2, .inv_freq = inv_freq};
    const struct oracle_heads heads = {x, HEADS, DIM1, x2, n_heads2, DIM2, &rope, 1.5};
    oracle_heads_at(&heads, 1, &position, angles, y);
}

Test(oracle_terms, heads_of_two_parts)
{
    double x[2 * HEADS * DIM1], x2[2 * HEADS2 * DIM2], y[HEADS * (DIM1 + DIM2)];
    fill_normals(6, x, 2 * HEADS * DIM1);
    fill_normals(7, x2, 2 * HEADS2 * DIM2);
    take_heads(x, x2, HEADS2, 9, y);
    for (size_t h = 0; h < HEADS; h++) {
        const double *head = y + h * (DIM1 + DIM2), *first = x + (HEADS + h) * DIM1;
        const double *second = x2 + (HEADS2 + h / 2) * DIM2;
        cr_assert(memcmp(head, first, DIM1 * sizeof(double)) == 0, "head %zu", h);
        cr_assert(head[DIM1] == second[0] && head[DIM1 + 1] == second[1], "head %zu", h);
        for (size_t j = 0; j < 3; j++) {
            double norm = hypot(head[DIM1 + 2 + j], head[DIM1 + 5 + j]);
            cr_assert(fabs(norm - 1.5 * hypot(second[2 + j], second[5 + j])) < 1e-14, "head %zu",
                      h);
            cr_assert(fabs(head[DIM1 + 2 + j] - second[2 + j]) > 1e-3, "head %zu", h);
        }
    }
}

// Their products depend on the difference of positions only.
Test(oracle_terms, rotated_heads)
{
    enum { N = DIM1 + DIM2 };
    double q[2 * HEADS * DIM1], q2[2 * HEADS * DIM2], k[2 * HEADS * DIM1], k2[2 * HEADS2 * DIM2];
    double q_at[HEADS * N], k_at[HEADS * N], q_far[HEADS * N], k_far[HEADS * N];
    fill_normals(8, q, 2 * HEADS * DIM1);
    fill_normals(9, q2, 2 * HEADS * DIM2);
    fill_normals(10, k, 2 * HEADS * DIM1);
    fill_normals(11, k2, 2 * HEADS2 * DIM2);
    take_heads(q, q2, HEADS, 12, q_at);
    take_heads(k, k2, HEADS2, 5, k_at);
    take_heads(q, q2, HEADS, -(1 << 30) + 7, q_far);
    take_heads(k, k2, HEADS2, -(1 << 30), k_far);
    for (size_t h = 0; h < HEADS; h++)
        cr_assert(fabs(dot(q_at + h * N, k_at + h * N, N) - dot(q_far + h * N, k_far + h * N, N)) <
                      1e-12,
                  "head %zu", h);
}

// --- packed sequences

Test(oracle_terms, spans)
{
    static const int32_t firsts[] = {INT32_MIN, 5, 5, 30, 20, INT32_MAX, 7};
    static const struct oracle_span all[] = {{0, 5}, {5, 0}, {5, 25}, {30, 0}, {20, 20}, {40, 0}};
    static const struct oracle_span short_ones[] = {{0, 5},  {5, 0},   {5, 10},
                                                    {30, 0}, {20, 10}, {40, 0}};
    for (size_t b = 0; b < 6; b++) {
        struct oracle_span span = oracle_span_of(firsts, b, 40, 0);
        cr_assert(span.first == all[b].first && span.n == all[b].n, "sequence %zu", b);
        span = oracle_span_of(firsts, b, 40, 10);
        cr_assert(span.first == short_ones[b].first && span.n == short_ones[b].n, "sequence %zu",
                  b);
        span = oracle_span_of(NULL, b, 40, 0);
        cr_assert(span.first == b * 40 && span.n == 40);
    }
}
