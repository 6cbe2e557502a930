// SPDX-License-Identifier: MIT
// Facts that hold for RoPE and attention whatever the numbers: the reference is tested by them.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/fill.h"
#include "oracle/attention.h"
#include "oracle/attention_merge.h"
#include "oracle/rope.h"

enum { DIM = 64, KEYS = 24 };

static struct oracle_rope make_rope(double inv_freq[DIM / 2])
{
    oracle_rope_inv_freq(10000, DIM, inv_freq);
    return (struct oracle_rope){.head_dim = DIM, .rotary_dim = DIM, .inv_freq = inv_freq};
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

Test(rope_facts, norms_are_kept)
{
    double inv_freq[DIM / 2], x[DIM], y[DIM];
    struct oracle_rope rope = make_rope(inv_freq);
    fill_normals(1, x, DIM);
    oracle_rope_head(&rope, INT32_MAX, 1, 1, x, y);
    cr_assert(fabs(dot(x, x, DIM) - dot(y, y, DIM)) < 1e-12);
}

Test(rope_facts, inverse_is_the_identity)
{
    double inv_freq[DIM / 2], x[DIM], y[DIM];
    struct oracle_rope rope = make_rope(inv_freq);
    rope.is_interleaved = 1;
    fill_normals(2, x, DIM);
    oracle_rope_head(&rope, 12345, 1.5, 1.5, x, y);
    oracle_rope_head(&rope, 12345, 1 / 1.5, -1 / 1.5, y, y);
    for (size_t i = 0; i < DIM; i++)
        cr_assert(fabs(x[i] - y[i]) < 1e-14);
}

Test(rope_facts, scores_depend_only_on_the_difference_of_positions)
{
    double inv_freq[DIM / 2], q[DIM], k[DIM], q_at[DIM], k_at[DIM];
    struct oracle_rope rope = make_rope(inv_freq);
    fill_normals(3, q, DIM);
    fill_normals(4, k, DIM);
    oracle_rope_head(&rope, 17, 1, 1, q, q_at);
    oracle_rope_head(&rope, 5, 1, 1, k, k_at);
    double near = dot(q_at, k_at, DIM);
    oracle_rope_head(&rope, INT32_MAX, 1, 1, q, q_at);
    oracle_rope_head(&rope, INT32_MAX - 12, 1, 1, k, k_at);
    cr_assert(fabs(near - dot(q_at, k_at, DIM)) < 1e-12);
}

// Against values computed with 120 digits, far from 0 and close to a quarter turn too: the oracle
// must be far better than the 2^-22 that devices are held to.
Test(rope_facts, angles_are_right_to_the_last_places)
{
    static const struct {
        double inv_freq;
        int64_t position;
        double cosine, sine;
    } rows[] = {
        {1, INT32_MAX, -0.68883669187794383468, -0.72491655514455639055},
        {1, INT32_MIN, 0.23781619457280335715, 0.97131017579293924283},
        {0x1.f2a79d6b34ac7p-2, INT32_MAX, 0.36295014052104074988, 0.93180856161325153039},
        {0x1.e459c57e28a47p-14, INT32_MAX, -0.93712428037632611171, 0.34899582107691909566},
        {0x1.0f53852389081p-6, INT32_MIN, 0.78557350198820266067, 0.61876835162602761413},
        {0.1, (1 << 24) + 1, -0.2989156525997983724, -0.95427953589649854365},
        {3, 131071, 0.26470925895771646033, -0.96432826787461571742},
        {0x1.1821d1276d3bbp-3, INT32_MAX, -3.804623659710831655e-12, 1},
        {0x1p-997, INT32_MAX, 1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double c, s;
        oracle_rope_cos_sin(rows[i].inv_freq, rows[i].position, &c, &s);
        cr_assert(fabs(c - rows[i].cosine) < 0x1p-51, "row %zu: cos %.17g", i, c);
        cr_assert(fabs(s - rows[i].sine) < 0x1p-51, "row %zu: sin %.17g", i, s);
    }
}

// The paper's formula, arXiv 1706.03762 section 3.5: sin and cos of i / 10000^(2t / d).
Test(rope_facts, sinusoids_are_the_papers)
{
    double inv_freq[DIM / 2], c[DIM / 2], s[DIM / 2], zeros[DIM] = {0}, y[DIM];
    struct oracle_rope rope = make_rope(inv_freq);
    rope.is_interleaved = 1;
    oracle_rope_angles(&rope, &(int64_t){511}, c, s);
    oracle_rope_add(&rope, c, s, zeros, y);
    for (size_t t = 0; t < DIM / 2; t++) {
        double angle = 511 / pow(10000, 2.0 * (double)t / DIM);
        cr_assert(fabs(y[2 * t] - sin(angle)) < 1e-12);
        cr_assert(fabs(y[2 * t + 1] - cos(angle)) < 1e-12);
    }
}

// Axes written out by hand.
Test(rope_facts, axes_of_pairs)
{
    static const size_t sizes[] = {4, 2, 2};
    static const uint32_t in_rows[] = {0, 0, 0, 0, 1, 1, 2, 2},
                          in_turn[] = {0, 1, 2, 0, 1, 2, 0, 0};
    uint32_t axes[8];
    oracle_rope_axes_in_rows(sizes, 8, axes);
    cr_assert(memcmp(axes, in_rows, sizeof(axes)) == 0);
    oracle_rope_axes_in_turn(sizes, 3, 8, axes);
    cr_assert(memcmp(axes, in_turn, sizeof(axes)) == 0);
}

// The sum of cosines that RoFormer's figure 2 bounds falls with distance.
Test(rope_facts, influence_decays)
{
    double inv_freq[DIM / 2], c, s;
    oracle_rope_inv_freq(10000, DIM, inv_freq);
    const int64_t distances[] = {0, 10, 100, 250};
    double previous = INFINITY;
    for (size_t i = 0; i < 4; i++) {
        double sum_c = 0, sum_s = 0, total = 0;
        for (size_t j = 0; j < DIM / 2; j++) {
            oracle_rope_cos_sin(inv_freq[j], distances[i], &c, &s);
            sum_c += c;
            sum_s += s;
            total += hypot(sum_c, sum_s);
        }
        cr_assert(total < previous, "at distance %d", (int)distances[i]);
        previous = total;
    }
}

// Reference values of cos and sin of large angles, from the double-angle formulas applied to the
// angle at half the position: an independent way up from small angles.
Test(rope_facts, angles_are_exact_at_large_positions)
{
    double inv_freq[DIM / 2];
    oracle_rope_inv_freq(500000, DIM, inv_freq);
    for (size_t j = 0; j < DIM / 2; j++)
        for (int64_t position = INT32_MAX; position > 1; position /= 3) {
            double c, s, c1, s1, c2, s2;
            int64_t part = position / 2;
            oracle_rope_cos_sin(inv_freq[j], position, &c, &s);
            oracle_rope_cos_sin(inv_freq[j], part, &c1, &s1);
            oracle_rope_cos_sin(inv_freq[j], position - part, &c2, &s2);
            cr_assert(fabs(c - (c1 * c2 - s1 * s2)) < 1e-15 * 4);
            cr_assert(fabs(s - (s1 * c2 + c1 * s2)) < 1e-15 * 4);
        }
}

// One query of one head over KEYS keys.
struct fixture {
    double q[DIM], k[KEYS * DIM], v[KEYS * DIM];
    double stages[ORACLE_N_STAGES][KEYS], out[DIM];
    struct oracle_attention definition;
    struct oracle_attention_row row;
};

static void set_up(struct fixture *f, uint64_t seed)
{
    fill_normals(fill_seed(seed, "q"), f->q, DIM);
    fill_normals(fill_seed(seed, "k"), f->k, KEYS * DIM);
    fill_normals(fill_seed(seed, "v"), f->v, KEYS * DIM);
    f->definition = (struct oracle_attention){
        .n_batch = 1,
        .q_len = 1,
        .kv_len = KEYS,
        .n_heads = 1,
        .n_kv_heads = 1,
        .head_dim = DIM,
        .v_dim = DIM,
        .q = f->q,
        .k = f->k,
        .v = f->v,
    };
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        f->row.scores[stage] = f->stages[stage];
    f->row.out = f->out;
}

Test(attention_facts, equal_scores_give_the_mean)
{
    struct fixture f;
    set_up(&f, 5);
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
static struct oracle_part attend_to(struct fixture *f, size_t first, size_t end, double out[DIM])
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
    static const size_t ends[] = {0, 7, 7, KEYS - 1, KEYS};
    static const double sinks[] = {-INFINITY, 0.5, 1e4};
    for (size_t s = 0; s < sizeof(sinks) / sizeof(sinks[0]); s++) {
        struct fixture f;
        double whole[DIM], merged[DIM], outs[4][DIM];
        struct oracle_part parts[4];
        set_up(&f, 6);
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
    struct fixture f;
    set_up(&f, 7);
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
    struct fixture f;
    const double slope = 0.3;
    double mask[KEYS], out[DIM];
    set_up(&f, 8);
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
        struct fixture f;
        double mask[KEYS] = {0}, out[DIM];
        set_up(&f, 9);
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
