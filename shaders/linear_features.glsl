// SPDX-License-Identifier: MIT
// Features of keys and queries of linear attention (args/linear_attention.h), plain and rotated. Of
// buffers it wants the table.
#include "exp.glsl"
#include "linear_sums.glsl"
#include "turn.glsl"

// The element of the head that is a slot.
uint dim_of(uint slot)
{
    return gyre_slot_dim(ROPE, a.n_pairs, a.rotary_offset, slot);
}

// e^x for x <= 0 within 6 ulp, however small: ln 2 is taken off in two parts, for exp_neg is as far
// off as x is large.
float exp_of_small(float x)
{
    float whole = round(max(x, -88.0) * LOG2E);
    float rest = (x - whole * 0.693359375) + whole * 2.12194440e-4;
    float scaled = exp2(rest * LOG2E) * uintBitsToFloat(uint(int(max(whole, -126.0)) + 127) << 23);
    return x < -87.0 ? 0.0 : scaled;
}

// p(x) = elu(x) + 1
float feature(float x)
{
    return x > 0.0 ? x + 1.0 : exp_of_small(x);
}

// What rotation at a position makes of two neighbouring slots.
vec2 rotated(uint position, uint slot, vec2 f)
{
    uint pair = slot / 2u;
    if (pair >= a.n_pairs)
        return f;
    vec2 cs = a.amplitude *
              cos_sin(turn_of(position, uvec2(table[2u * pair], table[2u * pair + 1u])));
    return vec2(cs.x * f.x - cs.y * f.y, cs.y * f.x + cs.x * f.y);
}

// Features of two neighbouring slots of a row of buffer x that begins at `begin`; 0 past the last
// slot.
#define DEFINE_FEATURES(name, dtype, x)                                                            \
    vec2 name(uint begin, uint slot)                                                               \
    {                                                                                              \
        vec2 f = vec2(0.0);                                                                        \
        if (slot < a.head_dim)                                                                     \
            f[0] = feature(LOAD(dtype, x, begin + dim_of(slot)));                                  \
        if (slot + 1u < a.head_dim)                                                                \
            f[1] = feature(LOAD(dtype, x, begin + dim_of(slot + 1u)));                             \
        return f;                                                                                  \
    }
