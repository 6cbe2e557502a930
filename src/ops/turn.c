// SPDX-License-Identifier: MIT
#include "ops/turn.h"

#include <math.h>
#include <stdbool.h>

// 2^192 / (2 pi), 32 bits a limb, lowest first: enough for 128 bits right of the point after
// multiplying by any double below 2^32, and then by a position.
enum { N_INV = 6, N_TURNS = N_INV + 2, N_ANGLE = N_TURNS + 2 };
static const uint32_t inv_two_pi[N_INV] = {
    0x4f10e410, 0x36d8a566, 0x7d4d3770, 0x7f09d5f4, 0x9391054a, 0x28be60db,
};

// product = x * m
static void multiply(const uint32_t *x, int n, uint64_t m, uint32_t *product) // (n), (n + 2)
{
    const uint32_t half[2] = {(uint32_t)m, (uint32_t)(m >> 32)};
    for (int i = 0; i < n + 2; i++)
        product[i] = 0;
    for (int h = 0; h < 2; h++) {
        uint64_t carry = 0;
        for (int i = 0; i < n; i++) {
            uint64_t sum = (uint64_t)half[h] * x[i] + product[i + h] + carry;
            product[i + h] = (uint32_t)sum;
            carry = sum >> 32;
        }
        product[n + h] = (uint32_t)carry;
    }
}

// 64 bits of x from this one up, of (n) limbs and zeros above.
static uint64_t bits_from(const uint32_t *x, int n, int bit)
{
    uint32_t limb[3];
    for (int i = 0; i < 3; i++)
        limb[i] = bit / 32 + i < n ? x[bit / 32 + i] : 0;
    uint64_t low = (uint64_t)limb[1] << 32 | limb[0];
    return bit % 32 == 0 ? low : low >> bit % 32 | (uint64_t)limb[2] << (64 - bit % 32);
}

// |inv_freq| radians = turns * 2^-point
static void to_turns(double inv_freq, uint32_t turns[N_TURNS], int *point)
{
    int exponent;
    double fraction = frexp(fabs(inv_freq), &exponent); // fraction * 2^exponent
    multiply(inv_two_pi, N_INV, (uint64_t)ldexp(fraction, 53), turns);
    *point = 192 + 53 - exponent;
}

uint64_t gyre_turn_from_radians(double inv_freq)
{
    uint32_t turns[N_TURNS];
    int point;
    to_turns(inv_freq, turns, &point);
    uint64_t turn = bits_from(turns, N_TURNS, point - 64);
    turn += bits_from(turns, N_TURNS, point - 65) & 1;
    return inv_freq < 0 ? 0 - turn : turn;
}

void gyre_turn_cos_sin(double inv_freq, int64_t position, double *cosine, double *sine)
{
    uint32_t turns[N_TURNS], angle[N_ANGLE];
    int point;
    to_turns(inv_freq, turns, &point);
    multiply(turns, N_TURNS, (uint64_t)(position < 0 ? -position : position), angle);
    uint64_t turn = bits_from(angle, N_ANGLE, point - 64);
    uint64_t below = bits_from(angle, N_ANGLE, point - 128);
    // The nearest quarter is taken off: the rest is small, and its sign shows how it was rounded.
    unsigned quarter = (unsigned)((turn + (1ull << 61)) >> 62);
    int64_t rest = (int64_t)(turn - ((uint64_t)quarter << 62));
    double half_turns = ldexp((double)rest, -63) + ldexp((double)below, -127);
    double c = cos(half_turns * 3.14159265358979323846);
    double s = sin(half_turns * 3.14159265358979323846);
    bool is_back = (inv_freq < 0) != (position < 0);
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
    *sine = is_back ? -*sine : *sine;
}
