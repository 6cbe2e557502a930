// SPDX-License-Identifier: MIT
#include "ops/turn.h"

#include <math.h>
#include <stdbool.h>

// 2^192 / (2 pi), 32 bits a limb, lowest first: enough for 64 bits right of the point after
// multiplying by any double below 2^32.
enum { N_INV = 6, N_PRODUCT = 8 };
static const uint32_t inv_two_pi[N_INV] = {
    0x4f10e410, 0x36d8a566, 0x7d4d3770, 0x7f09d5f4, 0x9391054a, 0x28be60db,
};

// product = m * 2^192 / (2 pi)
static void multiply(uint64_t m, uint32_t product[N_PRODUCT])
{
    const uint32_t half[2] = {(uint32_t)m, (uint32_t)(m >> 32)};
    for (int i = 0; i < N_PRODUCT; i++)
        product[i] = 0;
    for (int h = 0; h < 2; h++) {
        uint64_t carry = 0;
        for (int i = 0; i < N_INV; i++) {
            uint64_t sum = (uint64_t)half[h] * inv_two_pi[i] + product[i + h] + carry;
            product[i + h] = (uint32_t)sum;
            carry = sum >> 32;
        }
        product[N_INV + h] = (uint32_t)carry;
    }
}

static uint32_t bit_at(const uint32_t product[N_PRODUCT], int bit)
{
    bool is_inside = bit >= 0 && bit < 32 * N_PRODUCT;
    return is_inside ? product[bit / 32] >> bit % 32 & 1u : 0;
}

uint64_t gyre_turn_from_radians(double inv_freq)
{
    int exponent;
    double fraction = frexp(fabs(inv_freq), &exponent); // fraction * 2^exponent
    uint32_t product[N_PRODUCT];
    multiply((uint64_t)ldexp(fraction, 53), product);
    // turns * 2^64 = product * 2^(exponent - 53 - 192 + 64)
    int shift = 181 - exponent;
    uint64_t turn = 0;
    for (int i = 63; i >= 0; i--)
        turn = turn << 1 | bit_at(product, shift + i);
    turn += bit_at(product, shift - 1);
    return inv_freq < 0 ? 0 - turn : turn;
}

void gyre_turn_cos_sin(uint64_t turn, double *cosine, double *sine)
{
    // The nearest quarter is taken off: the rest is small, and its sign shows how it was rounded.
    unsigned quarter = (unsigned)((turn + (1ull << 61)) >> 62);
    int64_t rest = (int64_t)(turn - ((uint64_t)quarter << 62));
    double angle = ldexp((double)rest, -63) * 3.14159265358979323846;
    double c = cos(angle), s = sin(angle);
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
}
