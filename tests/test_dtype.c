// SPDX-License-Identifier: MIT
// Storage conversions: every 16-bit value, and rounding to nearest even.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <gyre/common.h>

static uint16_t store16(enum gyre_dtype dtype, double value)
{
    uint16_t bits;
    gyre_dtype_from_double(dtype, &value, &bits, 1);
    return bits;
}

static double load16(enum gyre_dtype dtype, uint16_t bits)
{
    double value;
    gyre_dtype_to_double(dtype, &bits, &value, 1);
    return value;
}

static void check_all_bits(enum gyre_dtype dtype)
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        double value = load16(dtype, (uint16_t)bits);
        if (isnan(value))
            cr_assert(isnan(load16(dtype, store16(dtype, value))));
        else
            cr_assert(store16(dtype, value) == bits, "%s %04x", gyre_dtype_name(dtype), bits);
    }
}

// Halfway between neighbours goes to the even one, anything else to the nearer.
static void check_rounding(enum gyre_dtype dtype, uint16_t largest)
{
    for (uint32_t bits = 0; bits < largest; bits++) {
        double low = load16(dtype, (uint16_t)bits), high = load16(dtype, (uint16_t)(bits + 1));
        double middle = (low + high) / 2;
        cr_assert(store16(dtype, middle) == bits + (bits & 1));
        cr_assert(store16(dtype, nextafter(middle, low)) == bits);
        cr_assert(store16(dtype, nextafter(middle, high)) == bits + 1);
        cr_assert(store16(dtype, -middle) == (0x8000 | (bits + (bits & 1))));
    }
}

Test(dtype, every_f16)
{
    check_all_bits(GYRE_F16);
    check_rounding(GYRE_F16, 0x7bff);
    cr_assert(load16(GYRE_F16, 0x3c00) == 1 && load16(GYRE_F16, 0x0001) == 0x1p-24);
    cr_assert(store16(GYRE_F16, 65519.99) == 0x7bff && store16(GYRE_F16, 65520) == 0x7c00);
}

Test(dtype, every_bf16)
{
    check_all_bits(GYRE_BF16);
    check_rounding(GYRE_BF16, 0x7f7f);
    cr_assert(load16(GYRE_BF16, 0x3f80) == 1 && store16(GYRE_BF16, 1e39) == 0x7f80);
}

Test(dtype, f32_is_the_machines_own)
{
    const double values[] = {1.0 / 3, 0x1.000001p0, 1e300, -1e-50, NAN};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        float stored, wanted = (float)values[i];
        gyre_dtype_from_double(GYRE_F32, &values[i], &stored, 1);
        cr_assert(stored == wanted || (isnan(stored) && isnan(wanted)));
    }
}

Test(dtype, names_and_sizes)
{
    const size_t sizes[GYRE_N_DTYPES] = {4, 2, 2, 4, 8, 1};
    for (int i = 0; i < GYRE_N_DTYPES; i++) {
        cr_assert(gyre_dtype_size((enum gyre_dtype)i) == sizes[i]);
        cr_assert(strcmp(gyre_dtype_name((enum gyre_dtype)i), "?") != 0);
    }
    cr_assert(gyre_dtype_size((enum gyre_dtype)99) == 0);
    cr_assert(strcmp(gyre_dtype_name((enum gyre_dtype)99), "?") == 0);
}
