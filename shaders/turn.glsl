// SPDX-License-Identifier: MIT
// Angles as fractions of a turn, and their cosines and sines.

// Top 32 bits of frac(position * turn): a product of 32 by 64 bits modulo 2^64, the position
// signed.
uint turn_of(uint position, uvec2 turn)
{
    uint high, low;
    umulExtended(position, turn.x, high, low);
    return position * turn.y + high - (int(position) < 0 ? turn.x : 0u);
}

// (cos, sin) of turn / 2^32 turns, each within 2^-22: minimax polynomials over an eighth of a turn
// to either side of the nearest quarter.
vec2 cos_sin(uint turn)
{
    uint quarter = (turn + 0x20000000u) >> 30;
    float x = float(int(turn - (quarter << 30))) * 1.46291807927e-9; // 2 pi / 2^32
    float y = x * x;
    float s = x + x * y * (-1.66666672e-1 +
                           y * (8.33332818e-3 + y * (-1.98390393e-4 + y * 2.71597446e-6)));
    float c = 1.0 + y * (-0.5 + y * (4.16666456e-2 + y * (-1.38873642e-3 + y * 2.44380917e-5)));
    vec2 turned = (quarter & 1u) != 0u ? vec2(s, c) : vec2(c, s);
    return vec2(quarter == 1u || quarter == 2u ? -turned.x : turned.x,
                quarter >= 2u ? -turned.y : turned.y);
}
