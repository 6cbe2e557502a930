// SPDX-License-Identifier: MIT
#include <gyre/attention.h>

#include <math.h>

// Slope of head i of n, n a power of two.
static double slope(uint32_t i, uint32_t n)
{
    return exp2(-8.0 * (i + 1) / n);
}

enum gyre_status gyre_alibi_slopes(uint32_t n_heads, float *slopes)
{
    uint32_t whole = 1; // largest power of two up to n_heads
    if (slopes == NULL || n_heads == 0)
        return n_heads == 0 ? GYRE_OK : GYRE_INVALID;
    while (whole <= n_heads / 2)
        whole *= 2;
    for (uint32_t i = 0; i < n_heads; i++)
        slopes[i] = (float)(i < whole ? slope(i, whole) : slope(2 * (i - whole), 2 * whole));
    return GYRE_OK;
}
