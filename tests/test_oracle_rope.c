// SPDX-License-Identifier: MIT
// Facts that hold for RoPE whatever the numbers: the reference is tested by them.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dot.h"
#include "harness/fill.h"
#include "oracle/rope.h"

enum { DIM = 64 };

static struct oracle_rope make_rope(double inv_freq[DIM / 2])
{
    oracle_rope_inv_freq(10000, DIM, inv_freq);
    return (struct oracle_rope){.head_dim = DIM, .rotary_dim = DIM, .inv_freq = inv_freq};
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
