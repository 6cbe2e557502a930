// SPDX-License-Identifier: MIT
// The arithmetic limit: multiply-adds between registers, in enough independent chains to hide
// their latency.
#include "probe_isa.h"

typedef float vec __attribute__((vector_size(PROBE_WIDTH)));

enum { N_CHAINS = 12, LANES = PROBE_WIDTH / sizeof(float) };

void PROBE_NAME(fma)(double n_flops, float *sink)
{
    const double flops_per_step = 2.0 * N_CHAINS * LANES;
    size_t n_steps = (size_t)(n_flops / flops_per_step) + 1;
    vec chains[N_CHAINS], factor, term, sum = {0};
    for (int lane = 0; lane < LANES; lane++) {
        factor[lane] = 0.75f;
        term[lane] = 0.25f;
    }
    for (int i = 0; i < N_CHAINS; i++)
        chains[i] = factor * (float)i;
    for (size_t step = 0; step < n_steps; step++)
#pragma GCC unroll 12
        for (int i = 0; i < N_CHAINS; i++)
            chains[i] = chains[i] * factor + term;
    for (int i = 0; i < N_CHAINS; i++)
        sum += chains[i];
    for (int lane = 0; lane < LANES; lane++)
        *sink += sum[lane];
}
