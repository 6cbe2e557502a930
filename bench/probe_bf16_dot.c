// SPDX-License-Identifier: MIT
// The limit of bf16 dot products: those of AVX512_BF16 between registers, in enough independent
// chains to hide their latency.
#include <immintrin.h>

#include "probe_isa.h"

enum { N_CHAINS = 12 };

void probe_bf16_dot(double n_flops, float *sink)
{
    const double flops_per_step = N_CHAINS * 64.0; // 16 lanes of two products and two sums
    size_t n_steps = (size_t)(n_flops / flops_per_step) + 1;
    const __m512bh pairs = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.75f), _mm512_set1_ps(0.25f));
    __m512 chains[N_CHAINS], sum = _mm512_setzero_ps();
    for (int i = 0; i < N_CHAINS; i++)
        chains[i] = _mm512_set1_ps((float)i);
    for (size_t step = 0; step < n_steps; step++)
#pragma GCC unroll 12
        for (int i = 0; i < N_CHAINS; i++)
            chains[i] = _mm512_dpbf16_ps(chains[i], pairs, pairs);
    for (int i = 0; i < N_CHAINS; i++)
        sum = _mm512_add_ps(sum, chains[i]);
    *sink += _mm512_reduce_add_ps(sum);
}
