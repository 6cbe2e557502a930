// SPDX-License-Identifier: MIT
#include <gyre/common.h>

#include <string.h>

#include "config.h"

_Static_assert(GYRE_API_NUMBER == GYRE_SOVERSION, "meson.build and common.h disagree");

static const struct {
    const char *name;
    size_t size;
} dtypes[GYRE_N_DTYPES] = {
    [GYRE_F32] = {"f32", 4}, [GYRE_F16] = {"f16", 2}, [GYRE_BF16] = {"bf16", 2},
    [GYRE_I32] = {"i32", 4}, [GYRE_I64] = {"i64", 8}, [GYRE_U8] = {"u8", 1},
};

static bool is_dtype(enum gyre_dtype dtype)
{
    return (unsigned)dtype < GYRE_N_DTYPES;
}

size_t gyre_dtype_size(enum gyre_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].size : 0;
}

const char *gyre_dtype_name(enum gyre_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].name : "?";
}

const char *gyre_status_name(enum gyre_status status)
{
    static const char *const names[] = {
        [GYRE_OK] = "ok",
        [GYRE_INVALID] = "invalid",
        [GYRE_UNSUPPORTED] = "unsupported",
        [GYRE_NO_MEMORY] = "no memory",
        [GYRE_COMPILE] = "compile",
        [GYRE_DEVICE] = "device",
        [GYRE_DEVICE_LOST] = "device lost",
        [GYRE_TIMEOUT] = "timeout",
    };
    return (unsigned)status < sizeof(names) / sizeof(*names) ? names[status] : "?";
}

const char *gyre_version(void)
{
    return GYRE_VERSION;
}

// Rounds a double to a float format of `n_mantissa` stored bits whose largest exponent is
// `max_exponent` and smallest normal one 1 - max_exponent, to nearest even, in one step; returns
// its bits with the sign at bit 15.
static uint16_t round_to_16(double value, int n_mantissa, int max_exponent)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 63 << 15);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    uint64_t mantissa = bits & 0xfffffffffffff;
    uint16_t infinity = (uint16_t)((2 * max_exponent + 1) << n_mantissa);
    if (exponent == 1024 && mantissa != 0)
        return (uint16_t)(sign | infinity | 1u << (n_mantissa - 1)); // NaN stays NaN
    if (exponent > max_exponent)
        return sign | infinity;
    int min_exponent = 1 - max_exponent;
    int n_lost = 52 - n_mantissa + (exponent < min_exponent ? min_exponent - exponent : 0);
    if (n_lost > 53)
        return sign; // less than half of the smallest number
    uint64_t significand = mantissa | 1ull << 52;
    uint64_t kept = significand >> n_lost;
    uint64_t rest = significand & ((1ull << n_lost) - 1);
    uint64_t half = 1ull << (n_lost - 1);
    kept += rest > half || (rest == half && (kept & 1));
    // A normal number's implicit bit adds one to the exponent field; a carry does the right thing.
    int field = exponent < min_exponent ? 0 : exponent + max_exponent - 1;
    return (uint16_t)(sign | (((uint64_t)field << n_mantissa) + kept));
}

static double f16_to_double(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 0x3ff;
    double value;
    if (exponent == 31)
        value = mantissa != 0 ? (double)__builtin_nanf("") : (double)__builtin_inff();
    else if (exponent == 0)
        value = mantissa * 0x1p-24;
    else
        value = (1024 + mantissa) * (double)(1ull << exponent) * 0x1p-25;
    return bits >> 15 ? -value : value;
}

static double bf16_to_double(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return (double)value;
}

void gyre_dtype_from_double(enum gyre_dtype dtype, const double *src, void *dst, size_t n)
{
    float *f32 = dst;
    uint16_t *u16 = dst;
    for (size_t i = 0; i < n; i++) {
        if (dtype == GYRE_F32)
            f32[i] = (float)src[i];
        else if (dtype == GYRE_F16)
            u16[i] = round_to_16(src[i], 10, 15);
        else if (dtype == GYRE_BF16)
            u16[i] = round_to_16(src[i], 7, 127);
    }
}

void gyre_dtype_to_double(enum gyre_dtype dtype, const void *src, double *dst, size_t n)
{
    const float *f32 = src;
    const uint16_t *u16 = src;
    for (size_t i = 0; i < n; i++) {
        if (dtype == GYRE_F32)
            dst[i] = (double)f32[i];
        else if (dtype == GYRE_F16)
            dst[i] = f16_to_double(u16[i]);
        else if (dtype == GYRE_BF16)
            dst[i] = bf16_to_double(u16[i]);
    }
}
