// SPDX-License-Identifier: MIT
// Loads of f32, f16 and bf16 elements into floats, and stores rounded once to nearest even.
//
// Functions take the dtype as an argument and are inlined: where it is a constant nothing is left
// of the choice.
#ifndef GYRE_CPU_KERNELS_CONVERT_H
#define GYRE_CPU_KERNELS_CONVERT_H

#include "args/types.h"
#include "vec.h"

typedef uint16_t hvec __attribute__((vector_size(VEC * 2)));

INLINE size_t dtype_size(u32 dtype)
{
    return dtype == DTYPE_F32 ? 4 : dtype == DTYPE_U8 || dtype == DTYPE_BITS ? 1 : 2;
}

INLINE const void *element(u32 dtype, const void *base, size_t index)
{
    return (const char *)base + index * dtype_size(dtype);
}

INLINE void *element_mut(u32 dtype, void *base, size_t index)
{
    return (char *)base + index * dtype_size(dtype);
}

INLINE uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

INLINE float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

#if defined(__ARM_FP16_FORMAT_IEEE)
INLINE float f16_load(uint16_t h)
{
    __fp16 x;
    memcpy(&x, &h, sizeof(x));
    return x;
}

INLINE uint16_t f16_store(float x)
{
    __fp16 rounded = x;
    uint16_t h;
    memcpy(&h, &rounded, sizeof(h));
    return h;
}
#elif defined(__F16C__)
INLINE float f16_load(uint16_t h)
{
    return _cvtsh_ss(h);
}

INLINE uint16_t f16_store(float x)
{
    return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT);
}
#else
// The exponent is moved by a product, which makes subnormal halves right, too.
INLINE float f16_load(uint16_t h)
{
    uint32_t magnitude = h & 0x7fffu;
    uint32_t bits = float_bits(float_of_bits(magnitude << 13) * 0x1p112f);
    bits = magnitude >= 0x7c00u ? bits | 0x7f800000u : bits;
    return float_of_bits(bits | (uint32_t)(h & 0x8000u) << 16);
}

INLINE uint16_t f16_store(float x)
{
    uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffffu, half;
    if (magnitude > 0x7f800000u) // NaN
        half = 0x7e00u;
    else if (magnitude >= 0x47800000u) // 2^16 and more
        half = 0x7c00u;
    else if (magnitude < 0x38800000u) // subnormal: the last bit of 0.5 + x is that of the half
        half = float_bits(float_of_bits(magnitude) + 0.5f) - float_bits(0.5f);
    else // rounding may carry into the exponent, up to infinity
        half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}
#endif

INLINE float bf16_load(uint16_t h)
{
    return float_of_bits((uint32_t)h << 16);
}

INLINE uint16_t bf16_store(float x)
{
    uint32_t bits = float_bits(x);
    bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    return (uint16_t)((is_nan ? bits | 0x400000u : rounded) >> 16);
}

INLINE float scalar_load(u32 dtype, const void *src)
{
    float x;
    uint16_t h;
    if (dtype == DTYPE_F32) {
        memcpy(&x, src, sizeof(x));
        return x;
    }
    memcpy(&h, src, sizeof(h));
    return dtype == DTYPE_F16 ? f16_load(h) : bf16_load(h);
}

INLINE void scalar_store(u32 dtype, void *dst, float x)
{
    if (dtype == DTYPE_F32) {
        memcpy(dst, &x, sizeof(x));
        return;
    }
    uint16_t h = dtype == DTYPE_F16 ? f16_store(x) : bf16_store(x);
    memcpy(dst, &h, sizeof(h));
}

INLINE vec f16_load_vec(const void *src)
{
#if defined(__AVX512F__)
    return (vec)_mm512_cvtph_ps(_mm256_loadu_si256(src));
#elif defined(__F16C__) && VEC == 8
    return (vec)_mm256_cvtph_ps(_mm_loadu_si128(src));
#else
    uint16_t h[VEC];
    vec v;
    memcpy(h, src, sizeof(h));
    for (int i = 0; i < VEC; i++)
        v[i] = f16_load(h[i]);
    return v;
#endif
}

INLINE hvec f16_round_vec(vec v)
{
#if defined(__AVX512F__)
    return (hvec)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT);
#elif defined(__F16C__) && VEC == 8
    return (hvec)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT);
#else
    hvec h;
    for (int i = 0; i < VEC; i++)
        h[i] = f16_store(v[i]);
    return h;
#endif
}

// Compilers do not all find these conversions in __builtin_convertvector.
INLINE uvec widen(hvec h)
{
#if defined(__AVX512F__)
    return (uvec)_mm512_cvtepu16_epi32((__m256i)h);
#elif defined(__AVX2__)
    return (uvec)_mm256_cvtepu16_epi32((__m128i)h);
#else
    return __builtin_convertvector(h, uvec);
#endif
}

INLINE hvec narrow(uvec u)
{
#if defined(__AVX512F__)
    return (hvec)_mm512_cvtepi32_epi16((__m512i)u);
#else
    return __builtin_convertvector(u, hvec);
#endif
}

INLINE vec bf16_load_vec(const void *src)
{
    hvec h;
    memcpy(&h, src, sizeof(h));
    return (vec)(widen(h) << 16);
}

INLINE hvec bf16_round_vec(vec v)
{
    uvec bits = (uvec)v, rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    return narrow((uvec)vec_select(v != v, (vec)(bits | 0x400000u), (vec)rounded) >> 16);
}

INLINE vec vec_load_as(u32 dtype, const void *src)
{
    if (dtype == DTYPE_F32)
        return vec_load(src);
    return dtype == DTYPE_F16 ? f16_load_vec(src) : bf16_load_vec(src);
}

INLINE void vec_store_as(u32 dtype, void *dst, vec v)
{
    if (dtype == DTYPE_F32) {
        vec_store(dst, v);
        return;
    }
    hvec h = dtype == DTYPE_F16 ? f16_round_vec(v) : bf16_round_vec(v);
    memcpy(dst, &h, sizeof(h));
}

// The first n < VEC elements, the others 0.
INLINE vec vec_load_part(u32 dtype, const void *src, size_t n)
{
    char whole[VEC * 4] = {0};
    memcpy(whole, src, n * dtype_size(dtype));
    return vec_load_as(dtype, whole);
}

// The first n < VEC elements.
INLINE void vec_store_part(u32 dtype, void *dst, vec v, size_t n)
{
    char whole[VEC * 4];
    vec_store_as(dtype, whole, v);
    memcpy(dst, whole, n * dtype_size(dtype));
}

INLINE void row_load_as(u32 dtype, const void *src, float *dst, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store(dst + i, vec_load_as(dtype, element(dtype, src, i)));
    for (; i < n; i++)
        dst[i] = scalar_load(dtype, element(dtype, src, i));
}

INLINE void row_store_as(u32 dtype, const float *src, void *dst, size_t n)
{
    size_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store_as(dtype, element_mut(dtype, dst, i), vec_load(src + i));
    for (; i < n; i++)
        scalar_store(dtype, element_mut(dtype, dst, i), src[i]);
}

// n elements to floats.
static inline void row_load(u32 dtype, const void *src, float *dst, size_t n)
{
    switch (dtype) {
    case DTYPE_F32:
        row_load_as(DTYPE_F32, src, dst, n);
        break;
    case DTYPE_F16:
        row_load_as(DTYPE_F16, src, dst, n);
        break;
    default:
        row_load_as(DTYPE_BF16, src, dst, n);
    }
}

// n elements times scale, padded with 0 to whole vectors.
static inline void row_load_padded(u32 dtype, const void *src, float scale, float *dst, size_t n)
{
    row_load(dtype, src, dst, n);
    for (size_t i = n; i % VEC != 0; i++)
        dst[i] = 0.0f;
    for (size_t i = 0; i < n; i++)
        dst[i] *= scale;
}

// n floats to elements.
static inline void row_store(u32 dtype, const float *src, void *dst, size_t n)
{
    switch (dtype) {
    case DTYPE_F32:
        row_store_as(DTYPE_F32, src, dst, n);
        break;
    case DTYPE_F16:
        row_store_as(DTYPE_F16, src, dst, n);
        break;
    default:
        row_store_as(DTYPE_BF16, src, dst, n);
    }
}

#endif
