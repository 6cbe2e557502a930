// SPDX-License-Identifier: MIT
// Stores that go past the caches, where the instruction set has them.
#ifndef GYRE_CPU_KERNELS_STREAMING_H
#define GYRE_CPU_KERNELS_STREAMING_H

#include "convert.h"

// Alignment that a streaming store of any dtype and width is content with.
#define STREAMING_ALIGN 64

// Stores VEC elements; dst is aligned to STREAMING_ALIGN at the start of a run of such stores.
INLINE void vec_store_streaming(u32 dtype, void *dst, vec v)
{
#if defined(__AVX512F__)
    if (dtype == DTYPE_F32)
        _mm512_stream_ps(dst, (__m512)v);
    else
        _mm256_stream_si256(dst,
                            (__m256i)(dtype == DTYPE_F16 ? f16_round_vec(v) : bf16_round_vec(v)));
#elif defined(__AVX2__)
    if (dtype == DTYPE_F32)
        _mm256_stream_ps(dst, (__m256)v);
    else
        _mm_stream_si128(dst, (__m128i)(dtype == DTYPE_F16 ? f16_round_vec(v) : bf16_round_vec(v)));
#else
    vec_store_as(dtype, dst, v);
#endif
}

// Makes streaming stores visible to whoever sees what this thread writes next.
INLINE void streaming_fence(void)
{
#if defined(__x86_64__)
    _mm_sfence();
#endif
}

#endif
