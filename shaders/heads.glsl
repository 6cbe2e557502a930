// SPDX-License-Identifier: MIT
// Heads of q and k. Where they are rotated or come in two parts (IS_REORDERED), their elements are
// taken two at a time, in an order of their own: the rotated part first, as gyre_element_of says,
// then the rest. The members of a rotated pair are then always numbers e and e + 1, e even.
#define IS_REORDERED ((EXTRAS & (EXTRA_SECOND | EXTRA_ROTATED_Q | EXTRA_ROTATED_K)) != 0)

#if IS_REORDERED
#include "turn.glsl"

struct head_place {
    uint begin, begin2; // of its first part, and of the one that is rotated
    uint at;            // its position, or where its coordinates begin
};

#if EXTRAS & EXTRA_SECOND
#define ROTATED_PART(x)            x##2
#define ROTATED_ROW(x, token, head) ROW(heads.x##2, batch, token, head)
#else
#define ROTATED_PART(x)            x
#define ROTATED_ROW(x, token, head) ROW(x, batch, token, head)
#endif

// Where a head lies that stands at a position.
#define PLACE(x, token, head, head2, position)                                                     \
    head_place(ROW(x, batch, token, head), ROTATED_ROW(x, token, head2),                           \
               a.heads.has_##x##_coords != 0u                                                      \
                   ? a.heads.x##_coords_offset + batch * a.heads.x##_coords_stride[1] +            \
                         (token)*a.heads.x##_coords_stride[2]                                      \
                   : uint(position))

head_place q_place(uint query, uint head)
{
    return PLACE(q, q_token(query), head, head, own_start + int(query));
}

head_place k_place(uint key, uint kv_head)
{
    return PLACE(k, k_token(key), kv_head, kv_head / a.heads.group2, position_of(key));
}

// Element number e of a head; zero past its end.
#define ELEMENT(x, dtype, head, e)                                                                 \
    ((e) < a.heads.dim ? LOAD(dtype, ROTATED_PART(x), (head).begin2 + element_of(e))               \
     : (e) < a.head_dim ? LOAD(dtype, x, (head).begin + (e)-a.heads.dim)                           \
                        : 0.0)

uint element_of(uint e)
{
    return gyre_element_of(e, a.heads.n_pairs, a.heads.rotary_offset, a.heads.pairing);
}

#if EXTRAS & (EXTRA_ROTATED_Q | EXTRA_ROTATED_K)
// Members of pair j, turned by the angle of a position.
vec2 turned(vec2 pair, uint j, uint position)
{
    uvec2 turn = uvec2(turns[2u * j], turns[2u * j + 1u]);
    vec2 cs = a.heads.amplitude * cos_sin(turn_of(position, turn));
    return vec2(cs.x * pair.x - cs.y * pair.y, cs.y * pair.x + cs.x * pair.y);
}

// Where a head stands on the axis of pair j.
#define POSITION(x, head, j)                                                                       \
    (a.heads.has_##x##_coords != 0u                                                                \
         ? uint(x##_coords[(head).at +                                                             \
                           turns[2u * a.heads.n_pairs + (j)] * a.heads.x##_coords_stride[0]])      \
         : (head).at)
#endif

// Elements e and e + 1 of a head.
vec2 q_pair(head_place head, uint e)
{
    vec2 pair = vec2(ELEMENT(q, Q_DTYPE, head, e), ELEMENT(q, Q_DTYPE, head, e + 1u));
#if EXTRAS & EXTRA_ROTATED_Q
    if (e < 2u * a.heads.n_pairs)
        pair = turned(pair, e / 2u, POSITION(q, head, e / 2u));
#endif
    return pair;
}

vec2 stored_k_pair(head_place head, uint e)
{
    return vec2(ELEMENT(k, K_DTYPE, head, e), ELEMENT(k, K_DTYPE, head, e + 1u));
}

vec2 turned_k_pair(vec2 pair, head_place head, uint e)
{
#if EXTRAS & EXTRA_ROTATED_K
    if (e < 2u * a.heads.n_pairs)
        return turned(pair, e / 2u, POSITION(k, head, e / 2u));
#endif
    return pair;
}

vec2 k_pair(head_place head, uint e)
{
    return turned_k_pair(stored_k_pair(head, e), head, e);
}
#else
// Where it begins.
#define head_place uint

head_place q_place(uint query, uint head)
{
    return ROW(q, batch, q_token(query), head);
}

head_place k_place(uint key, uint kv_head)
{
    return ROW(k, batch, k_token(key), kv_head);
}
#endif
