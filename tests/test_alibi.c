// SPDX-License-Identifier: MIT
// ALiBi's slopes, against numbers written out from the paper, and against published ones.
#include <criterion/criterion.h>
#include <math.h>

#include <gyre/attention.h>

Test(alibi, eight_heads_halve)
{
    float slopes[8];
    cr_assert(gyre_alibi_slopes(8, slopes) == GYRE_OK);
    for (int i = 0; i < 8; i++)
        cr_assert(slopes[i] == ldexpf(1, -i - 1), "head %d: %g", i, slopes[i]);
}

Test(alibi, other_counts_borrow_from_twice_as_many)
{
    enum { N = 12 };
    float some[N], twice[16];
    cr_assert(gyre_alibi_slopes(N, some) == GYRE_OK);
    cr_assert(gyre_alibi_slopes(16, twice) == GYRE_OK);
    for (int i = 0; i < 8; i++)
        cr_assert(some[i] == ldexpf(1, -i - 1), "head %d: %g", i, some[i]);
    for (int i = 8; i < N; i++)
        cr_assert(some[i] == twice[2 * (i - 8)], "head %d: %g", i, some[i]);
    cr_assert_float_eq(twice[0], sqrt(0.5), 1e-7);
}

// Slopes lie in (0, 1), and no two heads share one, for any count.
Test(alibi, every_count)
{
    float slopes[130];
    for (uint32_t n = 1; n <= 130; n++) {
        cr_assert(gyre_alibi_slopes(n, slopes) == GYRE_OK);
        for (uint32_t i = 0; i < n; i++) {
            cr_assert(slopes[i] > 0 && slopes[i] < 1, "%u heads, head %u: %g", n, i, slopes[i]);
            for (uint32_t j = 0; j < i; j++)
                cr_assert(slopes[i] != slopes[j], "%u heads: %u and %u", n, i, j);
        }
    }
}

Test(alibi, bad_input)
{
    cr_assert(gyre_alibi_slopes(0, NULL) == GYRE_OK);
    cr_assert(gyre_alibi_slopes(4, NULL) == GYRE_INVALID);
}
